package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func exampleTLS(s *stage) {
	// The file of the variables is all that the processes get.
	s.env = map[string]string{}
	certs := newAuthority(s.t)
	source := startTLSMinIO(s.t, certs)
	from, to := source.bucket("source"), source.bucket("copy")
	pair, err := tls.LoadX509KeyPair(filepath.Join(certs, "public.crt"), filepath.Join(certs, "private.key"))
	require.NoError(s.t, err)
	const password = `p"a$s:\word`
	srv := startNATSWith(s.t, &server.Options{
		Username: "ingest", Password: password,
		TLS: true, TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, TLSTimeout: 10,
	})
	require.True(s.t, srv.ReadyForConnections(startUp))
	n := connectNATS(s.t, srv, nats.UserInfo("ingest", password), nats.RootCAs(filepath.Join(certs, "ca.pem")))
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, "ingest.env"), fmt.Appendf(nil, `
SRC_ENDPOINT=%[1]s
SRC_BUCKET=%[2]s
SRC_ACCESS_KEY_ID=%[4]s
SRC_SECRET_ACCESS_KEY=%[5]s
DST_ENDPOINT=%[1]s
DST_BUCKET=%[3]s
DST_ACCESS_KEY_ID=%[4]s
DST_SECRET_ACCESS_KEY=%[5]s
NATS_URL=%[6]s
NATS_USER=ingest
NATS_PASSWORD=%[7]s
CA_FILE=%[8]s
`, source.endpoint, from, to, accessKey, secretKey, strings.Replace(srv.ClientURL(), "nats://", "tls://", 1), password, filepath.Join(certs, "ca.pem")), 0o600))

	objects := small(10, "o")
	putAll(s.t, source, from, objects)
	enqueue, dequeue := s.follow("tls/enqueue.yaml"), s.follow("tls/dequeue.yaml")
	awaitKeys(s.t, source, to, len(objects))
	requireSame(s.t, source, to, "", objects)
	drained(s.t, n, time.Minute)
	stopped(s.t, enqueue, dequeue)
	for _, p := range []*process{enqueue, dequeue} {
		assert.NotContains(s.t, p.logs.String(), password)
		assert.NotContains(s.t, p.logs.String(), secretKey)
	}
}

// newAuthority makes a certificate authority, ca.pem, and a certificate for
// 127.0.0.1 under the names that MinIO looks for.
func newAuthority(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write := func(name, kind string, der []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	require.NoError(t, err)
	write("ca.pem", "CERTIFICATE", der)
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "test server"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err = x509.CreateCertificate(rand.Reader, leaf, ca, leafKey.Public(), caKey)
	require.NoError(t, err)
	write("public.crt", "CERTIFICATE", der)
	der, err = x509.MarshalPKCS8PrivateKey(leafKey)
	require.NoError(t, err)
	write("private.key", "PRIVATE KEY", der)
	return dir
}

func startTLSMinIO(t *testing.T, certs string) *s3Server {
	t.Helper()
	pool := x509.NewCertPool()
	ca, err := os.ReadFile(filepath.Join(certs, "ca.pem"))
	require.NoError(t, err)
	require.True(t, pool.AppendCertsFromPEM(ca))
	s := &s3Server{t: t, kind: "minio", endpoint: freeAddress(t), dir: t.TempDir(), certs: certs}
	s.Core, err = minio.NewCore(s.endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Secure: true,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
	})
	require.NoError(t, err)
	s.start()
	t.Cleanup(s.stop)
	return s
}
