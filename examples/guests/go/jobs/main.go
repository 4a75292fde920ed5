// Command jobs is an ordinary Go program for WASI: goroutines on a worker pool pass JSON documents
// through maps, sorting and hashing, while the collector runs. Its argument is how many documents.
//
// It is built for WASI: GOOS=wasip1 GOARCH=wasm go build.
package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A document is one unit of work.
type document struct {
	ID    int               `json:"id"`
	Words []string          `json:"words"`
	Tags  map[string]int    `json:"tags"`
	Child *document         `json:"child,omitempty"`
	Notes map[string]string `json:"notes,omitempty"`
}

// A result says what one document came to.
type result struct {
	id   int
	hash [32]byte
	top  string
}

const workers = 4

func main() {
	n := 200
	if len(os.Args) > 1 {
		var err error
		if n, err = strconv.Atoi(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, "jobs: the number of documents:", err)
			os.Exit(2)
		}
	}
	results := process(n)
	slices.SortFunc(results, func(a, b result) int { return cmp.Compare(a.id, b.id) })

	sum, tops := sha256.New(), map[string]int{}
	for _, r := range results {
		sum.Write(r.hash[:])
		tops[r.top]++
	}
	for _, word := range slices.Sorted(maps.Keys(tops)) {
		fmt.Printf("%-8s %d\n", word, tops[word])
	}
	fmt.Printf("%d documents: %x\n", len(results), sum.Sum(nil))
}

// process passes n documents through the worker pool and returns their results in any order.
func process(n int) []result {
	jobs, done := make(chan string), make(chan result, workers)
	var pool sync.WaitGroup
	for range workers {
		pool.Go(func() {
			for text := range jobs {
				done <- digest(text)
				runtime.Gosched()
			}
		})
	}
	go func() {
		for i := range n {
			jobs <- generate(i)
			if i%50 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		close(jobs)
		pool.Wait()
		close(done)
	}()
	var all []result
	for r := range done {
		all = append(all, r)
	}
	return all
}

// generate returns document id as JSON; the same id always gives the same text.
func generate(id int) string {
	rng := rand.New(rand.NewPCG(uint64(id), 1))
	d := random(rng, id, 3)
	text, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func random(rng *rand.Rand, id, depth int) *document {
	d := &document{ID: id, Tags: map[string]int{}, Notes: map[string]string{}}
	for range 20 + rng.IntN(20) {
		word := string([]byte{"bcdfgklm"[rng.IntN(8)], "aeiou"[rng.IntN(5)], "nrst"[rng.IntN(4)]})
		d.Words = append(d.Words, word)
		d.Tags[word] += rng.IntN(100)
		d.Notes[word] = strings.Repeat(word, 1+rng.IntN(4))
	}
	if depth > 0 {
		d.Child = random(rng, id*10, depth-1)
	}
	return d
}

// digest decodes a document, counts and sorts the words of it and its children, and hashes it.
func digest(text string) result {
	var d document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		panic(err)
	}
	counts := map[string]int{}
	for at := &d; at != nil; at = at.Child {
		for _, word := range at.Words {
			counts[word] += at.Tags[word] + len(at.Notes[word])
		}
	}
	words := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	return result{d.ID, sha256.Sum256([]byte(strings.Join(words, " "))), words[0][:2]}
}
