// Package fanout reads a stream once and gives it to several hashes at the
// same time, so that all of them are of the same bytes, even of a file that is
// changed while it is read.
package fanout

import (
	"hash"
	"io"
	"sync"
	"sync/atomic"
)

// The buffers are few and do not grow with the stream. Their size was chosen
// by measuring: with 128 KiB so many are handed over that waking each other
// costs a tenth of the time.
const (
	bufferSize = 1 << 20
	buffers    = 6
)

// block is a part of the stream, and how many hashes have yet to read it.
type block struct {
	data    []byte
	waiting atomic.Int32
}

// Hash writes all of r to each of hashes, each in a goroutine of its own, and
// returns the error of reading, nil at the end of r.
func Hash(r io.Reader, hashes ...hash.Hash) error {
	free := make(chan *block, buffers)
	for range buffers {
		free <- &block{data: make([]byte, bufferSize)}
	}
	var done sync.WaitGroup
	queues := make([]chan *block, len(hashes))
	for i, h := range hashes {
		queues[i] = make(chan *block, buffers)
		done.Go(func() { feed(h, queues[i], free) })
	}
	err := read(r, free, queues)
	for _, queue := range queues {
		close(queue)
	}
	done.Wait()
	return err
}

// read gives every hash each block of r.
func read(r io.Reader, free <-chan *block, queues []chan *block) error {
	for b := range free {
		n, err := io.ReadFull(r, b.data[:bufferSize])
		b.data = b.data[:n]
		b.waiting.Store(int32(len(queues)))
		for _, queue := range queues {
			queue <- b
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// feed writes blocks to h, and the last hash to have read one frees it.
func feed(h hash.Hash, queue <-chan *block, free chan<- *block) {
	for b := range queue {
		h.Write(b.data)
		if b.waiting.Add(-1) == 0 {
			free <- b
		}
	}
}
