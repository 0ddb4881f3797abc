package neighbour

import (
	"reflect"
	"strings"

	"gorm.io/gorm"
)

// IsSharding recognises gorm.io/sharding on a database, whose pool rewrites SQL only
// while it is the outermost one.
func IsSharding(db *gorm.DB, cp gorm.ConnPool) bool {
	if _, ok := db.Plugins["gorm:sharding"]; ok {
		return true
	}
	return IsShardingPool(cp)
}

// IsShardingPool recognises its pool.
func IsShardingPool(cp gorm.ConnPool) bool {
	t := reflect.TypeOf(cp)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return false
	}
	path := t.PkgPath()
	return path[strings.LastIndexByte(path, '/')+1:] == "sharding"
}
