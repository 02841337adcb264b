package task

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/longhaul/longhaul/job"
)

// prepared takes what the task needs of this machine. Its errors name what is missing, and never tell a value.
func (t *fullRequest) prepared() error {
	values := map[string]string{}
	t.header = t.fixed
	if len(t.args.HeaderEnv) > 0 {
		t.header = t.fixed.Clone()
	}
	for _, name := range slices.Sorted(maps.Keys(t.args.HeaderEnv)) {
		before, variable := secretOf(t.args.HeaderEnv[name])
		value := os.Getenv(variable)
		if err := secretValue(value); err != nil {
			return unprepared(fmt.Errorf("task http: headerEnv: %s: the environment variable %s %w", name, variable, err),
				"set it where every worker is started; the same command goes on")
		}
		t.header.Set(name, before+value)
		values[variable] = value
	}
	t.secrets = newSecrets(values)
	if err := t.trust(); job.KindOf(err) == job.Refused {
		return err
	} else if err != nil {
		return unprepared(fmt.Errorf("task http: %w", err), "every worker needs the file at this path; the same command goes on")
	}
	return nil
}

func unprepared(err error, hint string) error {
	return &job.Error{Kind: job.InvalidSpec, Op: "spec", Err: err, Hint: hint}
}

// secretValue refuses a variable's value that no header can have. Its error does not tell it.
func secretValue(value string) error {
	switch {
	case value == "":
		return errors.New("is not set on this worker, or empty")
	case strings.ContainsAny(value, "\r\n"):
		return errors.New("contains a line break, which no header can")
	case headerValue(value) != nil:
		return errors.New("contains a control character, which no header can")
	}
	return nil
}

// trust loads the certificates.
func (t *fullRequest) trust() error {
	if t.args.CAFile == "" && t.args.CertFile == "" {
		return nil
	}
	c := t.standard.TLSClientConfig
	if c == nil {
		c = &tls.Config{}
	}
	if t.args.CAFile != "" {
		pem, err := t.access.ReadFile(t.args.CAFile)
		if err != nil {
			return fmt.Errorf("caFile: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("caFile: %s: it holds no certificate in PEM form", t.args.CAFile)
		}
	}
	if t.args.CertFile != "" {
		cert, err := clientCertificate(t.access, t.args.CertFile, t.args.KeyFile)
		if err != nil {
			return err
		}
		// It is sent whatever authorities the far side names: what it has against it, it should say.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	}
	t.standard.TLSClientConfig = c
	return nil
}

// clientCertificate loads a certificate and its key, which is in the same file where none is named.
func clientCertificate(access Access, certFile, keyFile string) (tls.Certificate, error) {
	keyField := "keyFile"
	if keyFile == "" {
		keyField, keyFile = "certFile", certFile
	}
	cert, err := access.ReadFile(certFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certFile: %w", err)
	}
	key, err := access.ReadFile(keyFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s: %w", keyField, err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return pair, fmt.Errorf("certFile %s, key %s: %w", certFile, keyFile, err)
	}
	return pair, nil
}
