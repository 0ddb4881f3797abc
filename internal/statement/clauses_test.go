package statement

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func TestIsExpression(t *testing.T) {
	var null *string
	for _, c := range []struct {
		v    any
		want bool
	}{
		{nil, false},
		{1, false},
		{"now()", false},
		{[]byte("x"), false},
		{null, false},
		{map[string]any{}, false},
		{gorm.Expr("age + ?", 1), true},
		{clause.Eq{Column: "a", Value: 1}, true},
		{clause.Column{Name: "a"}, true},
		{clause.Table{Name: "a"}, true},
		{&gorm.DB{}, true},
		{[]any{1, 2}, true},
	} {
		if got := IsExpression(c.v); got != c.want {
			t.Errorf("%T: %v, want %v", c.v, got, c.want)
		}
	}
}
