-- TPC-H query 13, customer distribution: how many customers have how many orders, without special requests.
WITH counts AS (
    SELECT c_custkey, count(o_orderkey) AS orders
    FROM customer
    LEFT JOIN orders ON o_custkey = c_custkey AND o_comment NOT LIKE '%special%requests%'
    GROUP BY c_custkey
)
SELECT orders, count(*) AS customers
FROM counts
GROUP BY orders
ORDER BY customers DESC, orders DESC
