// Command longhaul runs jobs: it maps the records of a file through a slow task to an ordered output, durably.
package main

import "github.com/longhaul/longhaul"

func main() { longhaul.Main(nil) }
