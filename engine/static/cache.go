package static

// The files that are open.

const (
	// FreshNs is how long a file is taken for what it was when it was looked at.
	FreshNs = int64(1e9)
	// keptBytes is how much memory all files of a Cache take together.
	keptBytes = 8 << 20
)

// Cache keeps the files that were asked for last. The zero value keeps none: see SetMost.
type Cache struct {
	most    int    // Descriptors, as if all files had one.
	count   int    // Of those there are.
	bytes   int    // That the files keep in memory.
	entries *entry // A ring, from the one that was asked for last to the one that was not for longest.
}

// entry is a file by its name.
type entry struct {
	mount      *Mount
	name       string
	file       *File
	checkedNs  int64
	next, prev *entry
}

// SetMost says how many files are kept open at most. Before the first Put.
func (c *Cache) SetMost(descriptors int) { c.most = descriptors }

// Get returns a file that was looked at less than FreshNs before; nil: it is to be loaded.
func (c *Cache) Get(m *Mount, name []byte, nowNs int64) *File {
	e := m.entries[string(name)]
	if e == nil || nowNs-e.checkedNs >= FreshNs {
		return nil
	}
	if c.entries != e {
		c.unlink(e)
		c.link(e)
	}
	return e.file
}

// Known returns a file that may have changed since it was looked at; nil: there is none.
func (c *Cache) Known(m *Mount, name []byte) *File {
	if e := m.entries[string(name)]; e != nil {
		return e.file
	}
	return nil
}

// Put takes a file that was loaded, and returns it; or the one that is there already, if that is the same.
func (c *Cache) Put(m *Mount, name string, f *File, nowNs int64) *File {
	if e := m.entries[name]; e != nil {
		if e.file.isSame(f) {
			f.close()
			e.checkedNs = nowNs
			c.unlink(e)
			c.link(e)
			return e.file
		}
		c.drop(e)
	}
	e := &entry{mount: m, name: name, file: f, checkedNs: nowNs}
	f.Hold()
	m.entries[name] = e
	c.link(e)
	c.count += f.descriptors()
	c.bytes += f.kept()
	for c.entries.next != c.entries && (c.count > c.most || c.bytes > keptBytes) {
		c.drop(c.entries.prev)
	}
	return f
}

// Remove forgets a name that is no file any more.
func (c *Cache) Remove(m *Mount, name string) {
	if e := m.entries[name]; e != nil {
		c.drop(e)
	}
}

// Clear forgets all.
func (c *Cache) Clear() {
	for c.entries != nil {
		c.drop(c.entries)
	}
}

func (c *Cache) drop(e *entry) {
	c.unlink(e)
	delete(e.mount.entries, e.name)
	c.count -= e.file.descriptors()
	c.bytes -= e.file.kept()
	e.file.Release()
}

// link puts an entry to the front.
func (c *Cache) link(e *entry) {
	if first := c.entries; first != nil {
		e.next, e.prev = first, first.prev
		first.prev.next, first.prev = e, e
	} else {
		e.next, e.prev = e, e
	}
	c.entries = e
}

func (c *Cache) unlink(e *entry) {
	switch {
	case e.next == e:
		c.entries = nil
	case c.entries == e:
		c.entries = e.next
	}
	e.prev.next, e.next.prev = e.next, e.prev
}
