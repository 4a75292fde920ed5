;; Tail calls between two modules, by name and through a table, with calls around them
;; that wait for whatever is there in the end.
(module
  (import "hopper" "table" (table $t 4 funcref))
  (import "hopper" "print" (func $print (param i64)))
  (import "hopper" "here" (func $here (param i32 i64) (result i64)))
  (import "hopper" "slow" (func $slow (param i32 i64) (result i64)))
  (type $hop (func (param i32 i64) (result i64)))
  (elem (table $t) (offset (i32.const 1)) func $there $slow)

  (func $there (type $hop)
    (if (i32.and (local.get 0) (i32.const 1))
      (then (return_call $here (local.get 0) (i64.add (local.get 1) (i64.const 1)))))
    (return_call_indirect $t (type $hop) (local.get 0) (i64.xor (local.get 1) (i64.const 5)) (i32.const 2)))

  (func $twice (type $hop)
    (i64.add
      (call $there (local.get 0) (local.get 1))
      (call_indirect $t (type $hop) (local.get 0) (i64.const 2) (i32.const 0))))

  (func (export "_start")
    (call $print (call $here (i32.const 9) (i64.const 1)))
    (call $print (call $there (i32.const 8) (i64.const 1)))
    (call $print (call $twice (i32.const 7) (i64.const 1)))
    (return_call $print (call $slow (i32.const 30) (i64.const 1))))
)
