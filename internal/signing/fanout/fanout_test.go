package fanout

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"hash"
	"io"
	"testing"
	"testing/iotest"
)

func TestHashGivesEveryHashTheWholeStream(t *testing.T) {
	for _, size := range []int{0, 1, bufferSize - 1, bufferSize, bufferSize + 1, 5*bufferSize + 7} {
		data := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		for name, r := range map[string]io.Reader{
			"at once":     bytes.NewReader(data),
			"halves":      iotest.HalfReader(bytes.NewReader(data)),
			"EOF with it": iotest.DataErrReader(bytes.NewReader(data)),
		} {
			short, long := sha256.New(), sha512.New()
			if err := Hash(r, short, long); err != nil {
				t.Fatal(err)
			}
			want256, want512 := sha256.Sum256(data), sha512.Sum512(data)
			if !bytes.Equal(short.Sum(nil), want256[:]) || !bytes.Equal(long.Sum(nil), want512[:]) {
				t.Errorf("%d bytes, read %s: a wrong sum", size, name)
			}
		}
	}
}

func TestHashReturnsTheErrorOfReading(t *testing.T) {
	want := errors.New("input/output error")
	r := io.MultiReader(bytes.NewReader(make([]byte, bufferSize+1)), iotest.ErrReader(want))
	if err := Hash(r, []hash.Hash{sha256.New()}...); !errors.Is(err, want) {
		t.Errorf("Hash returned %v, want %v", err, want)
	}
}
