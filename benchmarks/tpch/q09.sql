-- TPC-H query 9, product type profit: the profit on parts with a word in their name, by nation and year.
WITH profit AS (
    SELECT n_name AS nation, year(o_orderdate) AS ordered,
           l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity AS amount
    FROM part
    JOIN lineitem ON l_partkey = p_partkey
    JOIN supplier ON s_suppkey = l_suppkey
    JOIN partsupp ON ps_suppkey = l_suppkey AND ps_partkey = l_partkey
    JOIN orders ON o_orderkey = l_orderkey
    JOIN nation ON n_nationkey = s_nationkey
    WHERE p_name LIKE '%green%'
)
SELECT nation, ordered, sum(amount) AS profit
FROM profit
GROUP BY nation, ordered
ORDER BY nation, ordered DESC
