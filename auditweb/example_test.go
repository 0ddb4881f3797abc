package auditweb_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/auditweb"
)

// The trail below /audit/, for people that a proxy has signed in.
func ExampleNew() {
	type Account struct {
		ID    uint
		Phone string
	}
	db, err := gorm.Open(sqlite.Open("file:example_new?mode=memory&cache=shared"), &gorm.Config{})
	if err != nil {
		panic(err)
	}
	if err := errors.Join(db.AutoMigrate(&Account{}), db.Use(auditplugin.New())); err != nil {
		panic(err)
	}
	account := Account{Phone: "+12345678900"}
	db.Create(&account)
	db.Model(&account).Update("phone", "+19876543210")

	viewer, err := auditweb.New(db,
		auditweb.Authorize(func(r *http.Request) (auditweb.Viewer, error) {
			name := r.Header.Get("X-Remote-User")
			if name == "" {
				return auditweb.Viewer{}, errors.New("not signed in")
			}
			return auditweb.Viewer{Name: name, CanSeeValues: true, CanExport: true}, nil
		}),
		auditweb.Models(&Account{}))
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/audit/", http.StripPrefix("/audit", viewer))
	server := httptest.NewServer(mux)
	defer server.Close()

	for _, user := range []string{"", "ops"} {
		request, err := http.NewRequest(http.MethodGet, server.URL+"/audit/search.csv?column=phone", nil)
		if err != nil {
			panic(err)
		}
		request.Header.Set("X-Remote-User", user)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			panic(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		fmt.Println(response.Status, strings.Contains(string(body), "phone,'+12345678900,'+19876543210"))
	}
	// Output:
	// 403 Forbidden false
	// 200 OK true
}
