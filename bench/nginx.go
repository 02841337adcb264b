package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// nginxConf answers GET /N as our own target does, keeps connections for good and logs nothing.
const nginxConf = `
daemon off;
worker_processes auto;
pid nginx.pid;
error_log error.log;
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {
        listen %s;
        location ~ ^/(\d+)$ { return 200 "result $1"; }
    }
}
`

// nginxPatience bounds the wait for its first answer.
const nginxPatience = 20 * time.Second

// startNginx starts nginx on a free port.
func startNginx(ctx context.Context, dir string) (*target, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	l.Close()
	prefix := filepath.Join(dir, "nginx")
	if err := os.Mkdir(prefix, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(prefix, "nginx.conf"), fmt.Appendf(nil, nginxConf, address), 0o600); err != nil {
		return nil, err
	}
	// It ends when our end of the pipe is closed, so with this process however that dies.
	cmd := exec.Command("sh", "-c", `nginx -p "$0" -c nginx.conf -e error.log & cat; kill -INT $!; wait`, prefix)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	t := &target{url: "http://" + address + "/", stop: func() {
		in.Close()
		_ = cmd.Wait()
	}}
	ctx, cancel := context.WithTimeout(ctx, nginxPatience)
	defer cancel()
	for {
		if err = t.ask(ctx, http.MethodGet, "0", nil); err == nil {
			return t, nil
		}
		select {
		case <-ctx.Done():
			t.stop()
			said, _ := os.ReadFile(filepath.Join(prefix, "error.log"))
			return nil, fmt.Errorf("nginx does not answer: %w: %s", err, said)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
