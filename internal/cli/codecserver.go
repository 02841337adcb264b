package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/longhaul/longhaul/internal/codec"
	"github.com/longhaul/longhaul/internal/dial"
)

type codecServerOptions struct {
	listen     string
	origins    []string
	encryption dial.Encryption
	json       bool
}

func (p *Program) codecServerCommand() *cobra.Command {
	o := &codecServerOptions{}
	cmd := &cobra.Command{
		Use:   "codec-server [flags]",
		Short: "Decrypt for Temporal's Web UI and command line",
		Long: `Serve the codec by which Temporal's Web UI and command line read what jobs gave to Temporal encrypted, until an interrupt. The keys stay here; but whoever
reaches the address can read every job whose data he has, so it listens on this machine only, unless told otherwise.

Exit status: 0 stopped as told; 1 could not run; 2 usage.`,
		Example: p.examples(`  longhaul codec-server --encryption-key-file keys --cors-origin http://127.0.0.1:8233
  temporal workflow show --workflow-id my-job --codec-endpoint http://127.0.0.1:8888`),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.serveCodec(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.listen, "listen", "127.0.0.1:8888", "`host:port` to listen at; port 0 is any that is free")
	f.StringArrayVar(&o.origins, "cors-origin", nil, "the Web UI's `URL`, without a path, whose pages may ask; repeatable")
	f.BoolVar(&o.json, "json", false, "print one JSON object that says where it is")
	o.encryption.Register(f)
	return cmd
}

// codecReport says where a codec server is.
type codecReport struct {
	Endpoint string   `json:"endpoint"`
	Keys     []string `json:"keys"`
}

func (p *Program) serveCodec(ctx context.Context, o *codecServerOptions) error {
	keys, err := o.encryption.Keys()
	if err == nil && keys == nil {
		err = errors.New("no keys: give them with --encryption-key-file, LONGHAUL_ENCRYPTION_KEY_FILE or LONGHAUL_ENCRYPTION_KEY")
	}
	for _, origin := range o.origins {
		err = errors.Join(err, codec.Origin(origin))
	}
	if err != nil {
		return usage(err)
	}
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("serve the codec: %w (name a free port with --listen)", err)
	}
	r := codecReport{Endpoint: "http://" + l.Addr().String(), Keys: keys.IDs()}
	if o.json {
		err = p.printJSON(r)
	} else {
		_, err = fmt.Fprintf(p.Stdout, "endpoint:  %s\nkeys:      %s\n", r.Endpoint, strings.Join(r.Keys, ", "))
	}
	if err != nil {
		return errors.Join(err, l.Close())
	}
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		fmt.Fprintf(p.Stderr, "whoever reaches %s can read every job whose data he has: put TLS and a password before it\n", r.Endpoint)
	}
	s := codec.NewServer(keys, o.origins)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	select {
	case err = <-served:
	case <-p.Signals:
	case <-ctx.Done():
	}
	return errors.Join(err, s.Close())
}
