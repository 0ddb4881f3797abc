package catalog

import (
	"context"
	"sync"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
)

const (
	defaultTTL = time.Minute
	maxEntries = 4096
)

// Cache remembers what [Load] found in one database. It is safe for concurrent
// use and holds at most a few thousand tables.
//
// Entries are kept by name, while roles, search paths and current databases are
// the connection's. Use one Cache per database, and [Load] itself on connections
// that changed any of these.
type Cache struct {
	ttl time.Duration
	now func() time.Time

	mu         sync.RWMutex
	entries    map[cacheKey]cacheEntry
	generation uint64
}

type cacheKey struct{ dialect, schema, table string }

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
	return &Cache{ttl: ttl, now: time.Now, entries: make(map[cacheKey]cacheEntry)}
}

// Get returns the table from the cache, or loads it. Failures and [Missing]
// tables are not remembered. Callers share the table and must not change it.
// Concurrent calls for a table that is not cached may each load it.
func (c *Cache) Get(ctx context.Context, conn audit.Conn, dialect, schema, table string) (*Table, error) {
	key := cacheKey{dialect, schema, table}
	known, generation := c.look(key)
	if known != nil {
		return known, nil
	}
	t, err := Load(ctx, conn, dialect, schema, table)
	if err != nil || t.Kind == Missing {
		return t, err
	}
	c.put(key, t, generation)
	return t, nil
}

// Peek returns the table if Get would find it in the cache. Where a load has side
// effects on the transaction (see [Load]) it tells whether one is due.
func (c *Cache) Peek(dialect, schema, table string) (*Table, bool) {
	known, _ := c.look(cacheKey{dialect, schema, table})
	return known, known != nil
}

func (c *Cache) look(key cacheKey) (known *Table, generation uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if entry, ok := c.entries[key]; ok && c.now().Before(entry.expires) {
		return entry.table, c.generation
	}
	return nil, c.generation
}

// put stores t unless the cache was cleared since it began to load.
func (c *Cache) put(key cacheKey, t *Table, generation uint64) {
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
