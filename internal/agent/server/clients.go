//go:build linux

package server

// maxClients is how many clients that have their answer may still be connected.
const maxClients = 1024

// client is one that was answered and has not closed its end.
type client struct {
	fd           int32
	left         int32 // bytes that may still be discarded
	since        int64 // nanotime when it was accepted
	older, newer int16 // neighbours in the order of arrival
}

// clientTable holds the clients in the order of arrival, in memory of a fixed size,
// of which only the part that was ever needed is touched.
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

// add appends a client as the newest. There must be room.
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
