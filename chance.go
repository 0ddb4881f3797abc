package auditplugin

import (
	"fmt"
	"regexp"
	"strings"
)

// chance matches functions that give another value for each row and each time.
var chance = regexp.MustCompile(`(?i)\b(rand|random|randomblob|uuid|uuid_short|gen_random_uuid)\s*\(`)

// refuseChance refuses a statement whose condition is a matter of chance, where it
// would be evaluated twice: the rows that were read are not those that it changes.
func (j *job) refuseChance() error {
	if strings.IndexByte(j.query, '(') < 0 {
		return nil
	}
	at := strings.LastIndex(strings.ToUpper(j.query), "WHERE")
	if at < 0 || !strings.Contains(j.query[at:], "(") || !chance.MatchString(j.query[at:]) {
		return nil
	}
	return fmt.Errorf("%w: %s of %s (table %s): its condition gives other rows each time it is evaluated; select their keys first",
		ErrAuditFailed, j.op, j.model.recordType, j.ref.name)
}
