package auditplugin_test

import (
	"fmt"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
)

// BenchmarkUpdateRows is an UPDATE of n rows, with the audit table alone.
func BenchmarkUpdateRows(b *testing.B) {
	for _, n := range []int{1, 1000, 5000} {
		for _, audited := range []bool{false, true} {
			b.Run(fmt.Sprintf("rows=%d/audited=%v", n, audited), func(b *testing.B) {
				db, err := gorm.Open(sqlite.Open(b.TempDir()+"/bench.db?_journal_mode=WAL&_synchronous=OFF"), &gorm.Config{Logger: logger.Discard})
				if err != nil {
					b.Fatal(err)
				}
				if err := db.AutoMigrate(&user{}); err != nil {
					b.Fatal(err)
				}
				if audited {
					if err := db.Use(auditplugin.New()); err != nil {
						b.Fatal(err)
					}
				}
				rows := make([]user, n)
				for i := range rows {
					rows[i] = user{Name: "Ada", Phone: "+12345678901", Age: i}
				}
				if err := db.CreateInBatches(rows, 500).Error; err != nil {
					b.Fatal(err)
				}
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					i++
					if err := db.Model(&user{}).Where("id <= ?", n).Update("phone", fmt.Sprint(i)).Error; err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
