package build

import (
	"bytes"
	"compress/gzip"
)

// Gzip is what gzip -9n makes of the data.
func Gzip(data []byte) []byte {
	var b bytes.Buffer // which never fails to write
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = z.Write(data)
	_ = z.Close()
	return b.Bytes()
}
