package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"

	"sojourn/bench/measure"
	"sojourn/engine"
	"sojourn/interp/linmem"
	"sojourn/snapshotfmt"
)

// checkpoints measures checkpoints of running guests.
type checkpoints struct {
	runs int
	dir  string
}

// checkpointGuest is a program to measure. It runs for ever, or for long enough.
type checkpointGuest struct {
	name   string
	module []byte
	args   []string
	full   bool // it begins by writing to all of its memory
}

// checkpointTimes are what the runs of one guest took.
type checkpointTimes struct {
	memory, file, prepared, cold, zstd []time.Duration
	fileCPU, zstdCPU                   []time.Duration
	ratio, cpuRatio                    []float64
}

func (c *checkpoints) measure(ctx context.Context, g *checkpointGuest) (_ *checkpointRow, err error) {
	dir := c.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "sojourn-bench-*"); err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
	}
	p := &program{path: g.name, bytes: g.module}
	defer p.set.Close()
	m, err := p.prepare(ctx, "auto")
	if err != nil {
		return nil, err
	}
	e, err := engine.New(ctx, m, engine.Spec{Args: g.args})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if err := g.start(ctx, e); err != nil {
		return nil, err
	}
	n := c.runs
	if !g.full {
		n *= 10
	}
	row := &checkpointRow{Guest: g.name, Engine: m.Kind().String(), Runs: n}
	r := checkpointRun{e: e, m: m, row: row, spec: engine.Spec{Args: g.args, FreezeEvery: 1}, dir: dir}
	for range n {
		if err := r.once(ctx); err != nil {
			return nil, err
		}
	}
	t := &r.times
	row.Memory, row.File, row.Zstd = medianMillis(t.memory), medianMillis(t.file), medianMillis(t.zstd)
	row.Prepared, row.Cold = medianMillis(t.prepared), medianMillis(t.cold)
	row.FileCPU, row.ZstdCPU = medianMillis(t.fileCPU), medianMillis(t.zstdCPU)
	row.Ratio, row.CPURatio = middle(t.ratio), middle(t.cpuRatio)
	return row, nil
}

// start runs the guest until it has done what it begins with.
func (g *checkpointGuest) start(ctx context.Context, e *engine.Environment) error {
	if err := e.Start(); err != nil {
		return err
	}
	for {
		time.Sleep(5 * time.Millisecond)
		if err := e.Freeze(ctx); err != nil {
			return err
		}
		mem := e.Memory().Bytes()
		done := !g.full || mem[len(mem)-4] != 0
		if err := e.Thaw(); err != nil || done {
			return err
		}
	}
}

// checkpointRun is one guest being measured.
type checkpointRun struct {
	e     *engine.Environment
	m     *engine.Module
	spec  engine.Spec
	dir   string
	row   *checkpointRow
	times checkpointTimes

	snapshot bytes.Buffer
	touched  []byte
}

// once takes each measure once, one after the other.
func (r *checkpointRun) once(ctx context.Context) error {
	memory, err := r.checkpoint(ctx, func() error {
		r.snapshot.Reset()
		return r.e.Snapshot(&r.snapshot, snapshotfmt.Meta{})
	})
	if err != nil {
		return err
	}
	file, err := r.checkpoint(ctx, func() error {
		return writeFile(filepath.Join(r.dir, "guest.snap"), func(f *os.File) error { return r.e.Snapshot(f, snapshotfmt.Meta{}) })
	})
	if err != nil {
		return err
	}
	zstd, err := r.compress(ctx)
	if err != nil {
		return err
	}
	prepared, err := r.thaw(ctx, true)
	if err != nil {
		return err
	}
	cold, err := r.thaw(ctx, false)
	if err != nil {
		return err
	}
	t := &r.times
	t.memory, t.file, t.zstd = append(t.memory, memory.Wall), append(t.file, file.Wall), append(t.zstd, zstd.Wall)
	t.fileCPU, t.zstdCPU = append(t.fileCPU, file.CPU), append(t.zstdCPU, zstd.CPU)
	t.prepared, t.cold = append(t.prepared, prepared), append(t.cold, cold)
	t.ratio = append(t.ratio, float64(file.Wall)/float64(zstd.Wall))
	t.cpuRatio = append(t.cpuRatio, float64(file.CPU)/float64(max(zstd.CPU, 1)))
	r.row.SnapshotBytes = int64(r.snapshot.Len())
	return nil
}

// checkpoint freezes the running guest, writes it down, and lets it go on.
func (r *checkpointRun) checkpoint(ctx context.Context, write func() error) (measure.Cost, error) {
	time.Sleep(time.Millisecond) // the guest runs
	took := measure.Stopwatch()
	if err := r.e.Freeze(ctx); err != nil {
		return measure.Cost{}, err
	}
	if err := write(); err != nil {
		return measure.Cost{}, err
	}
	return took(), r.e.Thaw()
}

// thaw goes on from the snapshot in another guest, until it has run to its next point.
func (r *checkpointRun) thaw(ctx context.Context, prepared bool) (took time.Duration, err error) {
	var waiting *engine.Incoming
	if prepared {
		if waiting, err = r.waiting(ctx); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	var e *engine.Environment
	if prepared {
		e, err = waiting.Load(bytes.NewReader(r.snapshot.Bytes()))
	} else {
		e, err = engine.Restore(ctx, r.m, r.spec, bytes.NewReader(r.snapshot.Bytes()))
	}
	if err != nil {
		return 0, err
	}
	if err := e.Thaw(); err != nil {
		return 0, errors.Join(err, e.Close())
	}
	state := e.Wait()
	took = time.Since(start)
	if state != engine.Frozen {
		_, err = e.Result()
		return 0, errors.Join(fmt.Errorf("the thawed guest is %v", state), err, e.Close())
	}
	return took, e.Close()
}

// waiting returns an empty guest that is ready for one in the snapshot's state.
func (r *checkpointRun) waiting(ctx context.Context) (*engine.Incoming, error) {
	dec, err := snapshotfmt.NewDecoder(bytes.NewReader(r.snapshot.Bytes()), snapshotfmt.Limits{})
	if err != nil {
		return nil, err
	}
	st, err := dec.State()
	if err != nil {
		return nil, err
	}
	in, err := engine.Receive(ctx, r.m, r.spec)
	if err != nil {
		return nil, err
	}
	if err := in.Ready(st); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

// compress writes the memory that the guest has touched, compressed, to a file.
func (r *checkpointRun) compress(ctx context.Context) (measure.Cost, error) {
	if err := r.e.Freeze(ctx); err != nil {
		return measure.Cost{}, err
	}
	var pages linmem.Bitmap
	r.e.Memory().Touched(&pages)
	r.touched = r.touched[:0]
	for p := range pages.All() {
		r.touched = append(r.touched, r.e.Memory().Bytes()[p*linmem.PageSize:][:linmem.PageSize]...)
	}
	r.row.TouchedBytes = int64(len(r.touched))
	raw, out := filepath.Join(r.dir, "memory"), filepath.Join(r.dir, "memory.zst")
	if err := os.WriteFile(raw, r.touched, 0o600); err != nil {
		return measure.Cost{}, err
	}
	var child time.Duration
	stop := measure.Stopwatch()
	err := writeFile(out, func(f *os.File) (err error) {
		child, err = r.zstd(ctx, raw, f)
		return err
	})
	took := stop()
	took.CPU += child
	if info, err := os.Stat(out); err == nil {
		r.row.ZstdBytes = info.Size()
	}
	return took, errors.Join(err, r.e.Thaw())
}

// zstd compresses a file by 'zstd -1', or by the library where that is not installed. It
// returns the processor time of another process.
func (r *checkpointRun) zstd(ctx context.Context, raw string, f *os.File) (time.Duration, error) {
	if path, err := exec.LookPath("zstd"); err == nil {
		r.row.ZstdBy = "zstd"
		cmd := exec.CommandContext(ctx, path, "-1", "-q", "-c", raw)
		cmd.Stdout = f
		if err := cmd.Run(); err != nil {
			return 0, err
		}
		return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
	}
	r.row.ZstdBy = "library"
	w, err := zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return 0, err
	}
	_, err = w.Write(r.touched)
	return 0, errors.Join(err, w.Close())
}
