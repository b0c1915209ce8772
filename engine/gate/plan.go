package gate

import (
	"fmt"
	"strings"
	"time"

	"libforker/engine/coding"
	"libforker/engine/credential"
)

// What the gates do with the requests of a route.

// Plan is what is done with the requests of a route. nil: nothing.
type Plan struct {
	Rate  *Rate  // nil: as often as they come.
	CORS  *CORS  // nil: browsers keep answers from other sites.
	Auth  *Auth  // nil: everybody may come in.
	Sites *Sites // nil: requests of other sites are served.
	Block *Block // nil: no fields are added.

	Compress   *coding.Policy // nil: responses stay as they are.
	Decompress bool           // Bodies of requests are decoded that come compressed.
}

// HasTokens reports whether requests may have to show a token.
func (p *Plan) HasTokens() bool { return p != nil && p.Sites != nil && p.Sites.Tokens }

// Texts are the options of a route that its plan is made of, as they are written.
type Texts struct {
	RateLimit                                        string
	Security                                         bool
	HSTS, CSP                                        string
	CORSOrigins, CORSHeaders, CORSExpose, CORSMaxAge string
	CORSCredentials                                  bool
	CORSJudge                                        uintptr           // See CORS.Judge.
	Users                                            *credential.Users // Of the file that is named.
	Realm                                            string
	CSRF, CSRFTokens                                 bool
	CSRFOrigins                                      string
	Compress, CompressTypes                          string
	Decompress                                       bool
	CompressMin                                      int64
}

// NewPlan makes a plan. number tells the limits of different routes apart.
func NewPlan(t Texts, number uint32) (*Plan, error) {
	var p Plan
	var err error
	if t.RateLimit != "" {
		if p.Rate, err = parseRate(t.RateLimit, number); err != nil {
			return nil, fmt.Errorf("rate_limit: %w", err)
		}
	}
	if t.CORSOrigins != "" || t.CORSJudge != 0 {
		age, err := parseAge(t.CORSMaxAge)
		if err != nil {
			return nil, fmt.Errorf("cors_max_age: %w", err)
		}
		p.CORS = newCORS(t, age)
	}
	p.Auth = newAuth(t)
	if t.CSRF {
		p.Sites = &Sites{Trusted: parseOrigins(t.CSRFOrigins), Tokens: t.CSRFTokens}
	}
	p.Block = newBlock(t)
	p.Compress = coding.NewPolicy(t.Compress, t.CompressTypes, t.CompressMin)
	p.Decompress = t.Decompress
	if p == (Plan{}) {
		return nil, nil
	}
	return &p, nil
}

// parseAge reads a time as options have it: zero needs no unit, however many digits it has.
func parseAge(text string) (time.Duration, error) {
	if strings.Trim(text, "0") == "" {
		return 0, nil
	}
	return time.ParseDuration(text)
}
