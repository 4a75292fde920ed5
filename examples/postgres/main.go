//go:build wasip1

// Command postgres books each line of its input as a row of a table of PostgreSQL, in one
// transaction that it commits at the end of the input. It says of each row what the database
// has, and which process of the server it speaks to.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/lib/pq"
	"github.com/stealthrocket/net/wasip1"
)

const (
	table  = `CREATE TABLE IF NOT EXISTS booked (n serial PRIMARY KEY, line text, digest bytea)`
	insert = `INSERT INTO booked (line, digest) VALUES ($1, $2) RETURNING n`
	choose = `SELECT line, digest, pg_backend_pid() FROM booked WHERE n = $1`
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: postgres postgres://USER@HOST:PORT/DATABASE?sslmode=disable")
		os.Exit(2)
	}
	err := book(context.Background(), os.Args[1])
	if errors.Is(err, syscall.ECONNRESET) {
		err = fmt.Errorf("ECONNRESET: %w", err)
	}
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

func book(ctx context.Context, dsn string) error {
	c, err := pq.NewConnector(dsn)
	if err != nil {
		return err
	}
	c.Dialer(&wasip1.Dialer{})
	db := sql.OpenDB(c)
	defer db.Close()
	if _, err := db.ExecContext(ctx, table); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	fmt.Println("begun")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if err := row(ctx, tx, in.Text()); err != nil {
			return err
		}
	}
	if err := in.Err(); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	fmt.Println("committed")
	return nil
}

// row works for a while, inserts what comes of it, and reads it back.
func row(ctx context.Context, tx *sql.Tx, line string) error {
	digest := sha256.Sum256([]byte(line))
	for range 1000 {
		digest = sha256.Sum256(digest[:])
	}
	var n, pid int
	if err := tx.QueryRowContext(ctx, insert, line, digest[:]).Scan(&n); err != nil {
		return err
	}
	var got string
	var sum []byte
	if err := tx.QueryRowContext(ctx, choose, n).Scan(&got, &sum, &pid); err != nil {
		return err
	}
	if got != line || string(sum) != string(digest[:]) {
		return fmt.Errorf("row %d is %q, %x; want %q, %x", n, got, sum, line, digest)
	}
	fmt.Println(n, got, "by", pid)
	return nil
}
