package snippet

import (
	"context"
	"net/http"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/auditlog"
)

type person struct{ ID string }

var (
	ctx context.Context
	db  *gorm.DB
	log *auditlog.Logger
	r   *http.Request

	user, patient, before, after person

	requestID, clientIP, userID, documentID, patientID string
)

var _ = []any{ctx, db, log, r, user, patient, before, after, requestID, clientIP, userID, documentID, patientID}
