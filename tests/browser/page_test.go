package browser

import (
	"bytes"
	"context"
	"flag"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/longhaul/longhaul/tests/harness"
)

// screenshots has the tests take the pictures of the documentation anew: go test ./tests/browser -args -screenshots
var screenshots = flag.Bool("screenshots", false, "write docs/images anew")

// tab is a job's page in a tab of a real browser.
type tab struct {
	*harness.Bench
	ctx context.Context
	url string
	// seen is the text that was last in sight.
	seen string
}

// open opens a browser for a job.
func open(b *harness.Bench, id string) *tab {
	b.T.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		b.T.Fatalf("%v: install Debian's package chromium (make counterparts)", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.WindowSize(1280, 1000), chromedp.UserDataDir(b.T.TempDir()),
		chromedp.NoSandbox, // as root it has none
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")) // the page would ask the network for fonts and versions
	ctx, cancel := context.WithTimeout(b.T.Context(), 2*harness.Patience)
	b.T.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	b.T.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	b.T.Cleanup(cancel)
	d, err := b.Client.DescribeWorkflowExecution(b.T.Context(), id, "")
	harness.Must(b.T, err)
	run := d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	t := &tab{Bench: b, ctx: ctx, url: harness.Server.UI + "/namespaces/" + b.Namespace + "/workflows/" + id + "/" + run}
	evaluate[int](t, "1") // the browser starts
	b.T.Cleanup(func() {
		if b.T.Failed() {
			b.T.Logf("the page shows:\n%s", t.seen)
		}
	})
	return t
}

// evaluate evaluates an expression in the page.
func evaluate[T any](t *tab, expression string) T {
	t.T.Helper()
	v, err := chromedp.Run(t.ctx, chromedp.Evaluate[T](expression))
	if t.ctx.Err() != nil {
		t.T.Fatalf("the browser: %v", err)
	}
	return v // nothing between two pages
}

// load loads a part of the job's page: history, user-metadata, pending-activities, call-stack, query.
func (t *tab) load(part string) {
	t.T.Helper()
	// Not by chromedp.Navigate, which waits for the end of loading: the page of a job at work goes on loading.
	evaluate[chromedp.Void](t, "location.assign("+strconv.Quote(t.url+"/"+part)+")")
}

// stale is when the page is asked for news: the details of a job do not look for them by themselves, but at the key R.
const stale = 3 * time.Second

// shows opens a part of the job's page, and waits until all of the texts are in sight there.
func (t *tab) shows(part string, texts ...string) {
	t.T.Helper()
	t.load(part)
	t.comesTo(texts...)
}

// comesTo waits until all of the texts are in sight.
func (t *tab) comesTo(texts ...string) {
	t.T.Helper()
	asked := time.Now()
	for _, text := range texts {
		t.Until("the page shows "+strconv.Quote(text), func() bool {
			if time.Since(asked) > stale {
				_, err := chromedp.Run(t.ctx, chromedp.KeyEvent("r"))
				harness.Must(t.T, err)
				asked = time.Now()
			}
			return strings.Contains(t.text(), text)
		})
	}
}

// text is all that the page shows. Markdown stands in frames of its own.
func (t *tab) text() string {
	t.T.Helper()
	const all = "[document, ...[...document.querySelectorAll('iframe')].map(f => f.contentDocument)].map(d => d && d.body ? d.body.innerText : '').join('\\n')"
	if text := evaluate[string](t, all); text != "" {
		t.seen = text
	}
	return t.seen
}

// presses waits for a button by its text, and presses it.
func (t *tab) presses(text string) {
	t.T.Helper()
	press := "(b => b ? (b.click(), true) : false)([...document.querySelectorAll('button')].find(b => b.checkVisibility() && b.innerText.trim() == " + strconv.Quote(text) + "))"
	t.Until("a button "+strconv.Quote(text), func() bool { return evaluate[bool](t, press) })
}

// picture writes so much of the page to docs/images, where that is asked for. What the Web UI has around the job is left out.
func (t *tab) picture(name string, height int) {
	t.T.Helper()
	if !*screenshots {
		return
	}
	const left, top = 64, 106
	evaluate[chromedp.Void](t, "document.querySelectorAll('iframe').forEach(f => f.height = f.contentDocument.documentElement.scrollHeight + 16)")
	data, err := chromedp.Run(t.ctx, chromedp.CaptureScreenshot())
	harness.Must(t.T, err)
	shot, err := png.Decode(bytes.NewReader(data))
	harness.Must(t.T, err)
	r := shot.Bounds()
	part := shot.(interface {
		SubImage(image.Rectangle) image.Image
	}).SubImage(image.Rect(left, top, r.Max.X, min(top+height, r.Max.Y)))
	var b bytes.Buffer
	harness.Must(t.T, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, part))
	harness.Must(t.T, os.WriteFile(filepath.Join("..", "..", "docs", "images", "webui-"+name+".png"), b.Bytes(), 0o600))
}
