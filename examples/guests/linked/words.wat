;; A library with a memory of its own between two others: it passes on what it imports
;; from "store", and prints from its own memory through a reference to a host function.
(module
  (import "store" "write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "store" "print" (func $print (param i64)))
  (import "store" "table" (table $t 6 funcref))
  (import "store" "seen" (global $seen (mut i64)))
  (memory (export "memory") 1)
  (table $own (export "writers") 2 funcref)
  (type $op (func (param i64) (result i64)))
  (type $writer (func (param i32 i32 i32 i32) (result i32)))
  (export "print" (func $print))
  (export "shared" (table $t))
  (export "seen" (global $seen))
  (data $text "words of its own\n")
  (elem (table $own) (i32.const 0) func $write)
  (elem $ops func $word $print)
  (elem (table $t) (i32.const 4) func $word)
  (start $init)

  (func $word (type $op)
    (local $sum i64) (local $at i32)
    (loop $next
      (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31))
        (i64.load8_u (i32.add (i32.const 100) (local.get $at)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 17))))
    (i64.xor (local.get 0) (local.get $sum)))

  (func $init
    (memory.init $text (i32.const 100) (i32.const 0) (i32.const 17))
    (data.drop $text)
    (table.init $own $ops (i32.const 1) (i32.const 0) (i32.const 1))
    (elem.drop $ops)
    (global.set $seen (call $word (global.get $seen)))
    (call $say))

  ;; say writes this module's text by way of the table, from this module's memory.
  (func $say (export "say")
    (i32.store (i32.const 0) (i32.const 100))
    (i32.store (i32.const 4) (i32.const 17))
    (drop (call_indirect $own (type $writer) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8) (i32.const 0))))

  ;; apply calls a slot of a table, as the caller says, from the middle of an expression.
  (func (export "apply") (param $x i64) (param $slot i32) (result i64 i32)
    (i64.add (local.get $x) (call_indirect $t (type $op) (local.get $x) (local.get $slot)))
    (memory.grow (i32.const 1)))
)
