-- TPC-H query 7, volume shipping: the trade between two nations by year.
WITH shipping AS (
    SELECT seller.n_name AS supplier_nation, buyer.n_name AS customer_nation,
           year(l_shipdate) AS shipped, l_extendedprice * (1 - l_discount) AS volume
    FROM lineitem
    JOIN supplier ON s_suppkey = l_suppkey
    JOIN orders ON o_orderkey = l_orderkey
    JOIN customer ON c_custkey = o_custkey
    JOIN nation AS seller ON seller.n_nationkey = s_nationkey
    JOIN nation AS buyer ON buyer.n_nationkey = c_nationkey
    WHERE l_shipdate BETWEEN DATE '1995-01-01' AND DATE '1996-12-31'
      AND ((seller.n_name = 'FRANCE' AND buyer.n_name = 'GERMANY')
        OR (seller.n_name = 'GERMANY' AND buyer.n_name = 'FRANCE'))
)
SELECT supplier_nation, customer_nation, shipped, sum(volume) AS revenue
FROM shipping
GROUP BY supplier_nation, customer_nation, shipped
ORDER BY supplier_nation, customer_nation, shipped
