package inventory

import (
	"sync/atomic"
	"testing"
	"time"
)

func TestAdd_notesUntilRemoved(t *testing.T) {
	Use(new(Table))
	if fd := Add(7); fd != 7 || table.Noted[7] != 1 || table.Highest != 7 {
		t.Errorf("fd %d, noted %d, highest %d", fd, table.Noted[7], table.Highest)
	}
	Add(3)
	Remove(7)
	if table.Noted[7] != 0 || table.Noted[3] != 1 || table.Highest != 7 {
		t.Errorf("noted %d and %d, highest %d", table.Noted[7], table.Noted[3], table.Highest)
	}
}

func TestAdd_leavesOutWhatHasNoRoom(t *testing.T) {
	Use(new(Table))
	for _, fd := range []int{-1, Size, Size + 1} {
		Add(fd)
		Remove(fd)
	}
	if table.Highest != 0 {
		t.Errorf("highest %d", table.Highest)
	}
}

func TestBegin_waitsForAFork(t *testing.T) {
	Use(new(Table))
	atomic.StoreInt32(&table.Forking, 1)
	begun := make(chan struct{})
	go func() {
		Begin()
		close(begun)
	}()
	select {
	case <-begun:
		t.Error("it did not wait")
	case <-time.After(20 * time.Millisecond):
	}
	atomic.StoreInt32(&table.Forking, 0)
	<-begun
	if changing := atomic.LoadInt32(&table.Changing); changing != 1 {
		t.Errorf("%d threads change something, want 1", changing)
	}
	End()
	if changing := atomic.LoadInt32(&table.Changing); changing != 0 {
		t.Errorf("%d threads change something, want none", changing)
	}
}
