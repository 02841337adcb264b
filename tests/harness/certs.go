package harness

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// Certificates writes certificates of an authority of the test's own: ca.pem; server.pem and server-key.pem for 127.0.0.1 and the hosts; client.pem and
// client-key.pem; both.pem, which holds the last two; stranger.pem with its key in it, of another authority; and expired.pem and expired-key.pem,
// of the authority, for a client and for 127.0.0.1.
func (b *Bench) Certificates(hosts ...string) {
	b.T.Helper()
	ca := b.certify("ca", nil, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	b.certify("server", ca, &x509.Certificate{
		DNSNames: hosts, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	b.certify("client", ca, &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	b.Write("both.pem", append(b.Read("client.pem"), b.Read("client-key.pem")...))
	b.certify("expired", ca, &x509.Certificate{
		NotAfter: time.Now().Add(-time.Minute), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	b.certify("stranger", nil, &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	b.Write("stranger.pem", append(b.Read("stranger.pem"), b.Read("stranger-key.pem")...))
}

// authority is a certificate and its key.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// certify writes a certificate and its key, signed by an authority, or by itself.
func (b *Bench) certify(name string, by *authority, template *x509.Certificate) *authority {
	b.T.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Must(b.T, err)
	template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	Must(b.T, err)
	template.Subject = pkix.Name{CommonName: "longhaul test " + name}
	template.NotBefore = time.Now().Add(-time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	if by == nil {
		by = &authority{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, &key.PublicKey, by.key)
	Must(b.T, err)
	cert, err := x509.ParseCertificate(der)
	Must(b.T, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	Must(b.T, err)
	b.Write(name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	b.Write(name+"-key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	return &authority{cert, key}
}
