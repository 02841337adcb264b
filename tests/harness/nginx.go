package harness

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// nginxConf is what every nginx of a test has in common. It is one process, which ends with the test.
const nginxConf = `
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events { worker_connections 1024; }
http {
    log_format each escape=json '{"protocol":"$server_protocol","method":"$request_method","uri":"$request_uri","status":"$status","connection":"$connection",'
        '"encoding":"$sent_http_content_encoding","authorization":"$http_authorization","token":"$http_x_token","key":"$http_idempotency_key",'
        '"type":"$content_type","via":"$http_via","body":"$request_body"}';
    access_log access.log each;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    default_type text/plain;
    %s
}
`

// Nginx is a running nginx.
type Nginx struct {
	b *Bench
	// At is where it listens, host and port, by the names in its configuration.
	At  map[string]string
	dir string
}

var place = regexp.MustCompile(`@([a-z0-9]+)@`)

// Nginx starts nginx with the servers of a configuration, in which @NAME@ stands for a free address each, and waits until it answers. Relative paths
// in it are within the folder nginx of the test's.
func (b *Bench) Nginx(servers string) *Nginx {
	b.T.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil { // where Debian has it, and not every PATH
			b.T.Fatalf("%v (apt-get install nginx; make test does)", err)
		}
	}
	n := &Nginx{b: b, At: map[string]string{}, dir: b.Path("nginx")}
	Must(b.T, os.Mkdir(n.dir, 0o700))
	var held []net.Listener
	for _, m := range place.FindAllStringSubmatch(servers, -1) {
		if n.At[m[1]] == "" {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			Must(b.T, err)
			held = append(held, l)
			n.At[m[1]] = l.Addr().String()
		}
	}
	for _, l := range held {
		l.Close()
	}
	servers = place.ReplaceAllStringFunc(servers, func(s string) string { return n.At[strings.Trim(s, "@")] })
	b.Write("nginx/nginx.conf", fmt.Appendf(nil, nginxConf, servers))
	p := b.Start(program, "-p", n.dir, "-c", "nginx.conf", "-e", "error.log")
	for _, address := range n.At {
		b.Until("nginx listens", func() bool {
			select {
			case <-p.Exited:
				said, _ := os.ReadFile(filepath.Join(n.dir, "error.log"))
				b.T.Fatalf("nginx: %s%s", p.Errs(), said)
			default:
			}
			return b.Listens(address)
		})
	}
	return n
}

// Request is a request as nginx logs it.
type Request struct {
	Protocol, Method, URI, Status, Connection string
	// Encoding is the Content-Encoding of the answer.
	Encoding string
	// Authorization, Token (X-Token), Key (Idempotency-Key), Type (Content-Type) and Via are headers of the request.
	Authorization, Token, Key, Type, Via string
	// Body is the request's, where nginx passed it on.
	Body string
}

// Log is the requests so far. Connections without one leave a line without a method, which is left out.
func (n *Nginx) Log() (log []Request) {
	n.b.T.Helper()
	data, err := os.ReadFile(filepath.Join(n.dir, "access.log"))
	Must(n.b.T, err)
	for line := range strings.Lines(string(data)) {
		var r Request
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			n.b.T.Fatalf("a line of nginx's log: %q: %v", line, err)
		}
		if r.Method != "" {
			log = append(log, r)
		}
	}
	return log
}
