package snippet

import (
	"context"
	"io"
	"net/http"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/auditlog"
)

type person struct{ ID string }

// SignIn and the events are those that the page defines.
type SignIn struct {
	User   string `json:"user_id" event:"subject,required"`
	Method string `json:"method" event:"required"`
}

var (
	SignedIn  = auditlog.Define[SignIn]("user.sign_in")
	SignedOut = auditlog.Define[struct{}]("user.sign_out")
)

var (
	ctx context.Context
	db  *gorm.DB
	log *auditlog.Logger
	r   *http.Request

	file io.Writer

	user, patient, before, after person

	requestID, clientIP, userID, documentID, patientID string
)

var _ = []any{ctx, db, log, r, file, user, patient, before, after, requestID, clientIP, userID, documentID, patientID}
