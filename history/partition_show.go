package history

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// Partition is one of the audit table's.
type Partition struct {
	// Name is the partition's, on PostgreSQL with its schema.
	Name string `json:"name"`
	// From and Until are the times that it holds, Until not included. The partition for
	// all other times, which is Rest, has none, or no end.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	Rest  bool      `json:"rest,omitempty"`
}

// Partitions lists the partitions of an audit table made by [PartitionSchema], in the
// order of their times. Another table is [ErrNotPartitioned].
func Partitions(ctx context.Context, db *gorm.DB, opts ...Option) ([]Partition, error) {
	s, _, err := storeOf(db, settingsOf(opts))
	if err != nil {
		return nil, err
	}
	found, err := s.partitions(ctx, s.db)
	if err != nil {
		return nil, err
	}
	all := make([]Partition, len(found))
	for i, p := range found {
		all[i] = Partition{Name: p.Name, From: p.From, Until: p.Until, Rest: p.Rest}
	}
	return all, nil
}
