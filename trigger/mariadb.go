package trigger

import "fmt"

// mariadb is to come.
type mariadb struct{}

func (mariadb) prepare([]*subject) []string { return nil }
func (mariadb) names(*subject) []string     { return nil }
func (mariadb) drop(*subject) []string      { return nil }
func (mariadb) create(*subject) ([]string, error) {
	return nil, fmt.Errorf("%w: not on MariaDB", ErrInvalid)
}
