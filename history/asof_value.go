package history

import (
	"context"
	"database/sql/driver"
	"reflect"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm/schema"
)

// argument is a canonical value as the database takes it for a column.
func (t *rowTable) argument(ctx context.Context, i int, v any) (any, error) {
	c := &t.columns[i]
	if v == nil {
		if c.rule.IsJSON() && c.notNull {
			return "null", nil // which records do not tell from NULL
		}
		return nil, nil
	}
	if text, ok := v.(string); ok && c.rule.IsUUID() {
		return t.storedUUID(ctx, i, text), nil
	}
	a := c.rule.Argument(v)
	switch x := a.(type) {
	case time.Time:
		clock, err := t.clock(ctx, i)
		switch {
		case err != nil:
			return nil, err
		case clock.Text:
			return c.rule.DateTime(x), nil // the driver would move it
		case c.dbType != "" && c.dbType == t.facts.SendsLocal:
			return x.In(clock.Zone), nil // the driver sends what the clock shows
		}
	case string:
		if t.sendsBytes(ctx, i) {
			return []byte(x), nil
		}
	case []byte:
		if t.sendsText(ctx, i) {
			return string(x), nil
		}
	}
	return a, nil
}

// sendsText reports whether the model sends a text for a column of bytes, which then stores
// it as such: to SQLite, no bytes are equal to it.
func (t *rowTable) sendsText(ctx context.Context, i int) bool {
	c := &t.columns[i]
	if !t.facts.TypesAreLoose || c.field == nil || !c.rule.IsBinary() || c.field.Serializer != nil {
		return false
	}
	value, _ := c.field.ValueOf(ctx, newRow(c.field.Schema))
	_, bytes := sentValue(value).([]byte)
	return c.field.GORMDataType == schema.String && !bytes
}

// driverValue is a canonical value as the driver would give it.
func (t *rowTable) driverValue(ctx context.Context, i int, v any) (any, error) {
	c := &t.columns[i]
	if text, ok := v.(string); ok && c.rule.IsUUID() {
		stored := t.storedUUID(ctx, i, text)
		if s, ok := stored.(string); ok && t.facts.TextsComeAsBytes {
			return []byte(s), nil
		}
		return stored, nil
	}
	clock, err := t.clock(ctx, i)
	if err != nil {
		return nil, err
	}
	given := c.rule.Driver(v, clock)
	if s, ok := given.(string); ok && t.sendsBytes(ctx, i) {
		return []byte(s), nil
	}
	return given, nil
}

// storedUUID is a UUID as the column stores it, as text or as 16 bytes. Its type tells,
// or, where types are loose, what the model sends.
func (t *rowTable) storedUUID(ctx context.Context, i int, text string) any {
	c := &t.columns[i]
	id, err := uuid.Parse(text)
	if err != nil || len(text) != len(uuid.UUID{}.String()) {
		return text
	}
	if t.facts.TypesAreLoose && c.field != nil {
		if sent, ok := sentUUID(ctx, c.field, id); ok {
			return sent
		}
	}
	if c.rule.IsBinary() {
		return id[:]
	}
	return text
}

// sentUUID is what a model's field sends for a UUID.
func sentUUID(ctx context.Context, f *schema.Field, id uuid.UUID) (any, bool) {
	typ := f.IndirectFieldType
	var value any
	if typ.Kind() == reflect.Array && typ.Len() == len(id) && typ.Elem().Kind() == reflect.Uint8 {
		v := reflect.New(typ).Elem()
		reflect.Copy(v, reflect.ValueOf(id).Convert(reflect.TypeFor[[16]byte]()))
		value = v.Interface()
	} else {
		holder := newRow(f.Schema)
		if f.Set(ctx, holder, id.String()) != nil && f.Set(ctx, holder, id[:]) != nil {
			return nil, false
		}
		value, _ = f.ValueOf(ctx, holder)
	}
	sent := sentValue(value)
	switch sent.(type) {
	case string, []byte:
		return sent, true
	}
	return nil, false
}

// sentValue is what a value sends to the database; nil where it fails.
func sentValue(value any) (sent any) {
	defer func() {
		if recover() != nil { // a Valuer that does not expect an empty value
			sent = nil
		}
	}()
	for range 4 {
		valuer, ok := value.(driver.Valuer)
		if !ok {
			return value
		}
		var err error
		if value, err = valuer.Value(); err != nil {
			return nil
		}
	}
	return nil
}

// sendsBytes reports whether the model sends bytes for a column of texts, which then
// stores them as such.
func (t *rowTable) sendsBytes(ctx context.Context, i int) bool {
	c := &t.columns[i]
	if !t.facts.TypesAreLoose || c.field == nil || !c.rule.IsText() {
		return false
	}
	if c.bytes == nil {
		value, _ := c.field.ValueOf(ctx, newRow(c.field.Schema))
		_, is := sentValue(value).([]byte)
		is = is || c.field.Serializer == nil && c.field.FieldType.Kind() == reflect.Slice && c.field.GORMDataType == schema.Bytes
		c.bytes = &is
	}
	return *c.bytes
}
