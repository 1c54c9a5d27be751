// Meets Credence's SVIDs as other software does: by go-spiffe. Commands come as JSON, one a line on standard input, and
// each is answered by one line on standard output. Driven by services/identity/src/api/grpc/svids.e2e.spec.ts.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/federation"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

type command struct {
	Do string `json:"do"`
	// fetch: the bundle endpoint (https_web), who vouches for its web certificate, and whose bundle it is
	URL         string `json:"url"`
	CAFile      string `json:"ca_file"`
	TrustDomain string `json:"trust_domain"`
	// parse: the text of a bundle instead
	Bundle string `json:"bundle"`
	// x509, serve, dial: PEM
	Chain string `json:"chain"`
	Key   string `json:"key"`
	// jwt
	Token    string `json:"token"`
	Audience string `json:"audience"`
	// serve, dial: whom to meet, and where
	Peer    string `json:"peer"`
	Address string `json:"address"`
}

type answer struct {
	ID       string   `json:"id,omitempty"`
	Address  string   `json:"address,omitempty"`
	X509     int      `json:"x509,omitempty"`
	JWT      []string `json:"jwt,omitempty"`
	Sequence uint64   `json:"sequence,omitempty"`
	Refresh  float64  `json:"refresh,omitempty"`
	Error    string   `json:"error,omitempty"`
}

const patience = 10 * time.Second

// The bundle that was fetched or parsed last.
var bundle *spiffebundle.Bundle

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked command
		err := json.Unmarshal(lines.Bytes(), &asked)
		var told answer
		if err == nil {
			told, err = obey(asked)
		}
		if err != nil {
			told = answer{Error: err.Error()}
		}
		if err := out.Encode(told); err != nil {
			os.Exit(1)
		}
	}
}

func obey(asked command) (answer, error) {
	switch asked.Do {
	case "fetch":
		return fetch(asked)
	case "parse":
		return parse(asked)
	case "x509":
		certificates, err := certificatesIn(asked.Chain)
		if err != nil {
			return answer{}, err
		}
		id, _, err := x509svid.Verify(certificates, bundle)
		return answer{ID: id.String()}, err
	case "jwt":
		svid, err := jwtsvid.ParseAndValidate(asked.Token, bundle, []string{asked.Audience})
		if err != nil {
			return answer{}, err
		}
		return answer{ID: svid.ID.String()}, nil
	case "serve":
		return serve(asked)
	case "dial":
		return dial(asked)
	}
	return answer{}, fmt.Errorf("there is no command %q", asked.Do)
}

func fetch(asked command) (answer, error) {
	trustDomain, err := spiffeid.TrustDomainFromString(asked.TrustDomain)
	if err != nil {
		return answer{}, err
	}
	text, err := os.ReadFile(asked.CAFile)
	if err != nil {
		return answer{}, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	fetched, err := federation.FetchBundle(ctx, trustDomain, asked.URL, federation.WithWebPKIRoots(roots))
	return hold(fetched, err)
}

func parse(asked command) (answer, error) {
	trustDomain, err := spiffeid.TrustDomainFromString(asked.TrustDomain)
	if err != nil {
		return answer{}, err
	}
	parsed, err := spiffebundle.Parse(trustDomain, []byte(asked.Bundle))
	return hold(parsed, err)
}

func hold(found *spiffebundle.Bundle, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	bundle = found
	told := answer{X509: len(found.X509Authorities())}
	for id := range found.JWTAuthorities() {
		told.JWT = append(told.JWT, id)
	}
	told.Sequence, _ = found.SequenceNumber()
	hint, _ := found.RefreshHint()
	told.Refresh = hint.Seconds()
	return told, nil
}

// Serves one connection: mutual TLS with the one peer that is allowed, who is told what it is called.
func serve(asked command) (answer, error) {
	svid, peer, err := identity(asked)
	if err != nil {
		return answer{}, err
	}
	config := tlsconfig.MTLSServerConfig(svid, bundle, tlsconfig.AuthorizeID(peer))
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		return answer{}, err
	}
	go func() {
		defer listener.Close()
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		if id, err := peerOf(conn); err == nil {
			_, _ = io.WriteString(conn, id)
		}
	}()
	return answer{Address: listener.Addr().String()}, nil
}

// The other side: meets a server by mutual TLS, and tells whom it met and what that said.
func dial(asked command) (answer, error) {
	svid, peer, err := identity(asked)
	if err != nil {
		return answer{}, err
	}
	config := tlsconfig.MTLSClientConfig(svid, bundle, tlsconfig.AuthorizeID(peer))
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", asked.Address, config)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	said, err := io.ReadAll(conn)
	if err != nil {
		return answer{}, err
	}
	id, err := peerOf(conn)
	return answer{ID: id, Address: string(said)}, err
}

func identity(asked command) (*x509svid.SVID, spiffeid.ID, error) {
	peer, err := spiffeid.FromString(asked.Peer)
	if err != nil {
		return nil, peer, err
	}
	svid, err := x509svid.Parse([]byte(asked.Chain), []byte(asked.Key))
	return svid, peer, err
}

func peerOf(conn net.Conn) (string, error) {
	secured := conn.(*tls.Conn)
	if err := secured.Handshake(); err != nil {
		return "", err
	}
	id, err := x509svid.IDFromCert(secured.ConnectionState().PeerCertificates[0])
	return id.String(), err
}

func certificatesIn(text string) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for rest := []byte(text); ; {
		block, left := pem.Decode(rest)
		if block == nil {
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		found, rest = append(found, certificate), left
	}
	if len(found) == 0 {
		return nil, errors.New("there is no certificate")
	}
	return found, nil
}
