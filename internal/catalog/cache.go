package catalog

import (
	"slices"
	"sync"
	"time"
)

const (
	defaultTTL = time.Minute
	maxEntries = 4096
)

// Cache remembers what [Load] found. It is safe for concurrent use and holds at most a
// few thousand tables.
type Cache struct {
	ttl time.Duration
	now func() time.Time

	mu         sync.RWMutex
	entries    map[Key]cacheEntry
	generation uint64
}

// Key is what a table is remembered by: its name, by GORM's name of the dialect, and
// where that name was looked up.
type Key struct {
	Dialect       string
	Place         Place
	Schema, Table string
}

// Place is where names are looked up. The same name may stand for another table, or show
// less of it, in another place.
type Place struct {
	// Pool tells the pools of connections apart, and so their databases.
	Pool uintptr
	// Names is what [Names] says of a connection, "" for one that is as it was opened.
	Names string
}

type cacheEntry struct {
	table   *Table
	expires time.Time
}

// NewCache returns an empty cache whose entries live for ttl, or for one minute
// when ttl is zero or less.
func NewCache(ttl time.Duration) *Cache {
	if ttl <= 0 {
		ttl = defaultTTL
	}
	return &Cache{ttl: ttl, now: time.Now, entries: make(map[Key]cacheEntry)}
}

// Get returns the table from the cache, or loads it. Failures, [Missing] and temporary
// tables are not remembered. Callers share the table and must not change it.
// Concurrent calls for a table that is not cached may each load it.
func (c *Cache) Get(key Key, load func() (*Table, error)) (*Table, error) {
	known, generation := c.look(key)
	if known != nil {
		return known, nil
	}
	t, err := load()
	if err != nil || t.Kind == Missing || t.Temporary {
		return t, err
	}
	c.put(key, t, generation)
	return t, nil
}

// Peek returns the table if Get would find it in the cache. Where a load has side
// effects on the transaction (see [Load]) it tells whether one is due.
func (c *Cache) Peek(key Key) (*Table, bool) {
	known, _ := c.look(key)
	return known, known != nil
}

func (c *Cache) look(key Key) (known *Table, generation uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if entry, ok := c.entries[key]; ok && c.now().Before(entry.expires) {
		return entry.table, c.generation
	}
	return nil, c.generation
}

// put stores t unless the cache was cleared since it began to load.
func (c *Cache) put(key Key, t *Table, generation uint64) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation != c.generation {
		return
	}
	if len(c.entries) >= maxEntries {
		for k, e := range c.entries {
			if !now.Before(e.expires) {
				delete(c.entries, k)
			}
		}
		if len(c.entries) >= maxEntries {
			clear(c.entries)
		}
	}
	c.entries[key] = cacheEntry{table: t, expires: now.Add(c.ttl)}
}

// Clear forgets everything, what is being loaded at the moment included. Call it
// when the schema may have changed.
func (c *Cache) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	clear(c.entries)
}

// Forget forgets one table, of which something is known to be out of date.
func (c *Cache) Forget(key Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
}

// Found is told what somebody else has just read of a table. What is remembered under that
// name, wherever it was looked up, and has other columns or another key is forgotten.
func (c *Cache) Found(dialect, schema, table string, t *Table) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, e := range c.entries {
		if key.Dialect == dialect && key.Schema == schema && key.Table == table &&
			!(slices.Equal(e.table.Columns, t.Columns) && slices.Equal(e.table.PrimaryKey, t.PrimaryKey)) {
			delete(c.entries, key)
		}
	}
}
