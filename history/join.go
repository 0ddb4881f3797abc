package history

import "gorm.io/gorm/schema"

// joinTable says how rows of a join table read: as what they add and remove.
type joinTable struct {
	association string // "Roles"
	path        string
	// owner and other are the columns that name the rows on both sides, in the order
	// of the tables' keys.
	owner, other []string
	// ownerType and otherType are the record types on both sides, otherTable the bare
	// name of the table.
	ownerType, otherType, otherTable string
}

func joinOf(rel *schema.Relationship, path string) *joinTable {
	j := &joinTable{
		association: rel.Name, path: path, otherTable: bareTable(rel.FieldSchema.Table),
		ownerType: recordTypeOf(rel.Schema), otherType: recordTypeOf(rel.FieldSchema),
	}
	for _, ref := range rel.References {
		if ref.OwnPrimaryKey {
			j.owner = append(j.owner, ref.ForeignKey.DBName)
		} else {
			j.other = append(j.other, ref.ForeignKey.DBName)
		}
	}
	return j
}

func recordTypeOf(s *schema.Schema) string {
	return (&rowTable{schema: s, bare: bareTable(s.Table)}).recordType()
}
