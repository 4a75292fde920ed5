;; A library that keeps sums in a memory of its own, which grows.
(module
  (memory 1 64)

  ;; add adds x to a cell that depends on i, and returns it; now and then it takes a page.
  (func (export "add") (param $i i64) (param $x i64) (result i64)
    (local $at i32)
    (if (i64.eqz (i64.and (local.get $i) (i64.const 0xfffff)))
      (then (drop (memory.grow (i32.const 1)))))
    (local.set $at (i32.and
      (i32.wrap_i64 (i64.shr_u (i64.mul (local.get $i) (i64.const 0x9e3779b97f4a7c15)) (i64.const 40)))
      (i32.const 0xfff8)))
    (i64.store (local.get $at) (i64.add (i64.rotl (i64.load (local.get $at)) (i64.const 1)) (local.get $x)))
    (i64.load (local.get $at)))

  (func (export "pages") (result i32) (memory.size))
)
