;; Prints a line, then traps in $innermost, called by $middle, called by $outermost.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
;;@print

  (func $innermost (param $n i32) (result i32)
    (i32.div_u (i32.const 1) (local.get $n)))

  (func $middle (param $n i32) (result i32)
    (loop $next
      (drop (call $innermost (local.get $n)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $next))
    (unreachable))

  (func $outermost (result i32)
    (i32.add (call $middle (i32.const 10)) (i32.const 1)))

  (func (export "_start")
    (call $print (i64.const 1))
    (call $print (i64.extend_i32_u (call $outermost))))
)
