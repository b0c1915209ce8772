package router

import "testing"

func TestFind_guards(t *testing.T) {
	r := build(t,
		"GET /admin/a",
		"GET /admin/:x/b",
		"GET /:any/a",
		"* /*all",
		"GET /",
	)
	for id, prefix := range []string{10: "/admin", 11: "/admin/a", 12: "/users/:id/x", 13: "", 14: "/admin"} {
		if id >= 10 {
			if err := r.AddGuard(prefix, id); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, row := range []struct{ method, path, want string }{
		{"GET", "/admin/a", "0 11 10 14 2[admin] 3[admin/a] 13"},
		{"HEAD", "/admin/a", "0 11 10 14 2[admin] 3[admin/a] 13"},
		{"POST", "/admin/a", "11 10 14 3[admin/a] 13"},
		{"BREW", "/admin/a/x", "11 10 14 3[admin/a/x] 13"},
		{"GET", "/admin/z/b", "1[z] 10 14 3[admin/z/b] 13"},
		{"GET", "/admin", "10 14 3[admin] 13"},
		{"GET", "/admin/", "10 14 3[admin/] 13"},
		{"GET", "/admin//a", "10 14 3[admin//a] 13"},
		{"GET", "/administrator", "3[administrator] 13"},
		{"GET", "/users/7/x", "12[7] 3[users/7/x] 13"},
		{"GET", "/users/7/x/y/z", "12[7] 3[users/7/x/y/z] 13"},
		{"GET", "/users//x", "3[users//x] 13"},
		{"GET", "/", "4 3[] 13"},
		{"GET", "*", ""},
	} {
		if got := find(r, row.method, row.path); got != row.want {
			t.Errorf("%s %s: %s, want %s", row.method, row.path, got, row.want)
		}
	}
	if got := string(r.Allowed(nil, []byte("/admin/a"))); got != "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE" {
		t.Errorf("Allow: %s", got)
	}
	only := build(t, "GET /open")
	if err := only.AddGuard("/admin", 1); err != nil {
		t.Fatal(err)
	}
	if got := string(only.Allowed(nil, []byte("/admin/a"))); got != "" {
		t.Errorf("Allow of a guard: %s", got)
	}
	for _, prefix := range []string{"admin", "/admin/", "/", "/a/*rest", "/:"} {
		if only.AddGuard(prefix, 2) == nil {
			t.Errorf("%q is taken for a prefix", prefix)
		}
	}
	if n := testing.AllocsPerRun(100, func() { find0(only) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func find0(r *Router) {
	var params Params
	r.Find([]byte("GET"), []byte("/admin/x"), 0, &params)
}
