-- Before this script, temporary tables were put in memory and the parameter @n was set: how long
-- the workload is.
PRAGMA cache_size = 200;
PRAGMA journal_mode = DELETE;

CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT NOT NULL, region TEXT NOT NULL);
CREATE TABLE sale(id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customer(id),
                  item TEXT NOT NULL, cents INTEGER NOT NULL, day INTEGER NOT NULL);
CREATE TABLE audit(sale INTEGER, was INTEGER, now INTEGER);
CREATE TRIGGER sale_changed AFTER UPDATE OF cents ON sale
BEGIN
  INSERT INTO audit VALUES (old.id, old.cents, new.cents);
END;

BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
INSERT INTO customer SELECT i, printf('customer %04d', i * 7919 % 10007), char(65 + i * 31 % 6) FROM n;

WITH RECURSIVE n(i, x) AS (
  SELECT 1, 1 UNION ALL SELECT i + 1, (x * 1103515245 + 12345) % 2147483648 FROM n WHERE i < 20000 * @n)
INSERT INTO sale SELECT i, 1 + x / 8 % 500, 'item ' || (x / 1024 % 97), x % 10000, x / 65536 % 365 FROM n;
COMMIT;

CREATE INDEX sale_customer ON sale(customer, day);
CREATE INDEX sale_item ON sale(item);
ANALYZE;

.headers on
.mode column
SELECT region, count(*) AS sales, sum(cents) AS cents, round(avg(cents), 3) AS mean
FROM sale JOIN customer ON customer.id = sale.customer GROUP BY region ORDER BY region;

UPDATE sale SET cents = cents * 11 / 10 WHERE item LIKE 'item 1%' AND day BETWEEN 30 AND 60;
DELETE FROM sale WHERE customer IN (SELECT id FROM customer WHERE name LIKE '%13');
SELECT count(*) AS changed, sum(now - was) AS by_cents FROM audit;

SELECT name, day, cents, sum(cents) OVER (PARTITION BY customer ORDER BY day, sale.id) AS running
FROM sale JOIN customer ON customer.id = customer WHERE customer = 17 ORDER BY day, sale.id LIMIT 5;

SELECT item, group_concat(DISTINCT region) AS regions, max(cents) AS dearest
FROM (SELECT * FROM sale JOIN customer ON customer.id = customer ORDER BY sale.id)
GROUP BY item HAVING count(*) > 10 ORDER BY dearest DESC, item LIMIT 5;

-- The ways to place six queens, by a recursive query.
WITH RECURSIVE
  spots(c) AS (SELECT 1 UNION ALL SELECT c + 1 FROM spots WHERE c < 6),
  board(row, queens) AS (
    SELECT 0, '' UNION ALL
    SELECT row + 1, queens || s.c FROM board, spots AS s
    WHERE row < 6 AND NOT EXISTS (
      SELECT 1 FROM spots AS p WHERE p.c <= row
        AND (substr(queens, p.c, 1) = s.c || '' OR abs(substr(queens, p.c, 1) - s.c) = row + 1 - p.c)))
SELECT queens FROM board WHERE row = 6 ORDER BY queens;

-- The Mandelbrot set, one text row a line.
.mode list
.headers off
WITH RECURSIVE
  xaxis(x) AS (VALUES(-2.0) UNION ALL SELECT x + 0.1 FROM xaxis WHERE x < 1.0),
  yaxis(y) AS (VALUES(-1.0) UNION ALL SELECT y + 0.2 FROM yaxis WHERE y < 1.0),
  m(i, cx, cy, x, y) AS (
    SELECT 0, x, y, 0.0, 0.0 FROM xaxis, yaxis UNION ALL
    SELECT i + 1, cx, cy, x * x - y * y + cx, 2.0 * x * y + cy FROM m WHERE x * x + y * y < 4.0 AND i < 28),
  m2(i, cx, cy) AS (SELECT max(i), cx, cy FROM m GROUP BY cx, cy),
  a(t) AS (SELECT group_concat(substr(' .+*#', 1 + min(i / 7, 4), 1), '') FROM m2 GROUP BY cy)
SELECT rtrim(t) FROM a;

VACUUM;
PRAGMA integrity_check;
SELECT count(*), sum(cents), total(day * 0.5) FROM sale;
