// Command longhaul runs jobs: it maps the records of a file through a slow task to an ordered output, durably.
package main

import "os"

func main() { os.Exit(run(newProgram(), os.Args[1:])) }
