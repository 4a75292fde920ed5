;; Passive segments that are used and dropped, and memory.init and table.init of none of a dropped one.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (type $op (func (param i64) (result i64)))
  (memory (export "memory") 1 4)
  (table $t 8 funcref)
  (data $text "passive data of the module, copied piece by piece")
  (data $more "\00\01\02\03\04\05\06\07")
  (data (i32.const 1024) "active")
  (elem $fs func $inc $twice)
  (elem $gs func $twice $inc $inc)
  (elem declare func $mix)
;;@print

  (func $inc (type $op) (i64.add (local.get 0) (i64.const 1)))
  (func $twice (type $op) (i64.shl (local.get 0) (i64.const 1)))

  ;; sum folds the 128 words from address 1024 on.
  (func $sum (param $h i64) (result i64)
    (local $i i32)
    (loop $next
      (local.set $h (call $mix (local.get $h)
        (i64.load offset=1024 (i32.shl (local.get $i) (i32.const 3)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 128))))
    (local.get $h))

  ;; pieces copies the text eight bytes at a time to scattered places.
  (func $pieces
    (local $i i32)
    (loop $next
      (memory.init $text
        (i32.add (i32.const 1100) (i32.mul (local.get $i) (i32.const 24)))
        (i32.mul (local.get $i) (i32.const 5)) (i32.const 8))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 8)))))

  (func (export "_start")
    (local $h i64)
    (call $print (local.tee $h (call $sum (i64.const 1))))
    (call $pieces)
    (data.drop $text)
    (memory.init $text (i32.const 0) (i32.const 0) (i32.const 0))
    (call $print (local.tee $h (call $sum (local.get $h))))
    (memory.init $more (i32.const 1500) (i32.const 2) (i32.const 6))
    (data.drop $more)
    (call $print (local.tee $h (call $sum (local.get $h))))
    (table.init $t $fs (i32.const 1) (i32.const 0) (i32.const 2))
    (elem.drop $fs)
    (table.init $t $fs (i32.const 8) (i32.const 0) (i32.const 0))
    (table.init $t $gs (i32.const 4) (i32.const 1) (i32.const 2))
    (elem.drop $gs)
    (call_indirect $t (type $op) (local.get $h) (i32.const 1))
    (call_indirect $t (type $op) (i32.const 2))
    (call_indirect $t (type $op) (i32.const 5))
    (call $print (call $sum)))
)
