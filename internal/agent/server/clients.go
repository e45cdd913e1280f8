//go:build linux

package server

// maxClients is how many clients may have their answer and not be gone yet.
const maxClients = 1024

// client is one that was answered and has not closed its end.
type client struct {
	fd           int32
	left         int32 // bytes that may still be thrown away
	since        int64 // nanotime when it was accepted
	older, newer int16 // neighbours in the order of coming
}

// clientTable holds the clients in the order in which they came, in memory of a
// fixed size that is touched only as far as it was ever needed.
type clientTable struct {
	slots  [maxClients]client
	count  int
	unused int16 // slots from here on were never used
	free   int16 // head of the list of slots used before, by newer
	oldest int16
	newest int16
}

const noSlot = -1

func (t *clientTable) init() { t.free, t.oldest, t.newest = noSlot, noSlot, noSlot }

// add puts in a client as the newest. There must be room.
func (t *clientTable) add(fd int, now int64) (slot int16) {
	if slot = t.free; slot != noSlot {
		t.free = t.slots[slot].newer
	} else {
		slot = t.unused
		t.unused++
	}
	t.slots[slot] = client{fd: int32(fd), left: drainBytes, since: now, older: t.newest, newer: noSlot}
	if t.newest == noSlot {
		t.oldest = slot
	} else {
		t.slots[t.newest].newer = slot
	}
	t.newest = slot
	t.count++
	return slot
}

func (t *clientTable) remove(slot int16) {
	c := &t.slots[slot]
	if c.older == noSlot {
		t.oldest = c.newer
	} else {
		t.slots[c.older].newer = c.newer
	}
	if c.newer == noSlot {
		t.newest = c.older
	} else {
		t.slots[c.newer].older = c.older
	}
	c.newer, t.free = t.free, slot
	t.count--
}
