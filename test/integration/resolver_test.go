package integration

import (
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/plugin/dbresolver"
)

// resolver sends reads to a second pool on the same database.
func useResolver(db *gorm.DB) error {
	return db.Use(dbresolver.Register(dbresolver.Config{Replicas: []gorm.Dialector{db.Dialector}}).SetMaxOpenConns(7))
}

func TestResolverFirst(t *testing.T) { testResolver(t, testdb.Before) }

func TestResolverLast(t *testing.T) { testResolver(t, testdb.After) }

func testResolver(t *testing.T, when func(func(*gorm.DB) error) testdb.Option) {
	for name, prepare := range map[string]bool{"plain": false, "prepared": true} {
		t.Run(name, func(t *testing.T) {
			mode(when(useResolver), testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = prepare })).capture(t, func(s *stage) {
				s.story(s.db.DB)
				var got Setting
				s.ok(s.db.Clauses(dbresolver.Read).First(&got, "name = ?", "in"))
				pool, err := s.db.DB.DB()
				s.try(err)
				if n := pool.Stats().MaxOpenConnections; n != 7 {
					s.Errorf("the resolver's limit of 7 connections is %d", n)
				}
			})
		})
	}
}

// With a source of its own, a resolver's writes do not go through GORM's pool.
func TestResolverWithSources(t *testing.T) {
	for name, when := range map[string]func(func(*gorm.DB) error) testdb.Option{"first": testdb.Before, "last": testdb.After} {
		t.Run(name, func(t *testing.T) {
			use := func(db *gorm.DB) error {
				return db.Use(dbresolver.Register(dbresolver.Config{
					Sources: []gorm.Dialector{db.Dialector}, Replicas: []gorm.Dialector{db.Dialector},
				}))
			}
			mode(when(use)).capture(t, func(s *stage) {
				s.story(s.db.DB)
				s.judgeTable()
			})
		})
	}
}
