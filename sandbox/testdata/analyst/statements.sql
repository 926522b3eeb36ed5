-- What an analyst tries first, one statement to a line, over the tables of TPC-H.
select current_version(), current_user(), current_role(), current_warehouse(), current_database(), current_schema()
show columns in table TPCH.PUBLIC.ORDERS
select table_name, row_count from TPCH.information_schema.tables where table_schema='PUBLIC' order by 1
use database TPCH
select count(*) from ORDERS
select O_CUSTKEY, O_ORDERKEY, O_TOTALPRICE from ORDERS qualify row_number() over (partition by O_CUSTKEY order by O_TOTALPRICE desc) = 1 order by 1 limit 3
select O_CUSTKEY, lag(O_TOTALPRICE, 1, 0) over (partition by O_CUSTKEY order by O_ORDERDATE), lead(O_ORDERDATE) over (partition by O_CUSTKEY order by O_ORDERDATE), ntile(4) over (order by O_TOTALPRICE), percent_rank() over (order by O_TOTALPRICE) from ORDERS limit 3
select dateadd('month', 1, '2024-01-31'::date), datediff('day', '2024-01-01'::date, '2024-03-01'::date), last_day('2024-02-10'::date), dayname('2024-02-10'::date), monthname('2024-02-10'::date), weekiso('2024-12-30'::date), dayofweekiso('2024-12-29'::date)
select convert_timezone('UTC','Asia/Kolkata','2024-02-10 13:14:15'::timestamp_ntz), '2024-02-10 13:14:15 +05:30'::timestamp_tz
select f.index, f.value::string, f.key, f.path from table(flatten(input => parse_json('["a","b"]'))) f
select * from (select O_ORDERSTATUS, O_ORDERPRIORITY, O_TOTALPRICE from ORDERS) pivot(sum(O_TOTALPRICE) for O_ORDERSTATUS in ('F','O','P')) order by 1
select listagg(distinct O_ORDERSTATUS, ',') within group (order by O_ORDERSTATUS) from ORDERS
select median(O_TOTALPRICE), percentile_cont(0.9) within group (order by O_TOTALPRICE), approx_count_distinct(O_CUSTKEY), stddev(O_TOTALPRICE), mode(O_ORDERSTATUS) from ORDERS
select split_part('a-b-c','-',2), split('a,b',','), regexp_substr('ab12cd','[0-9]+'), regexp_replace('a1b2','[0-9]',''), regexp_count('a1b2','[0-9]'), rlike('abc','a.c'), 'ABC' ilike 'a%', contains('abc','b'), startswith('abc','a'), initcap('hello world'), lpad('7',3,'0'), reverse('abc'), charindex('b','abc'), strtok('a b c',' ',2), insert('abc',1,1,'Z'), translate('abc','a','x')
with recursive t(n) as (select 1 union all select n+1 from t where n<5) select sum(n) from t
select * from values (1,'a'),(2,'b') v(id,name)
select * exclude (O_COMMENT) rename (O_ORDERKEY as k) from ORDERS limit 1
select top 3 O_ORDERKEY from ORDERS order by O_ORDERKEY
select O_ORDERKEY from ORDERS tablesample bernoulli (1) seed (3) limit 1
select C_MKTSEGMENT, count(*) from CUSTOMER group by cube(C_MKTSEGMENT) order by 1
select O_ORDERKEY from ORDERS minus select O_ORDERKEY from ORDERS where O_ORDERKEY > 2
insert into tt(v,n) select parse_json('{"x":1}'), 1.005
merge into tt using (select 1 id, 9 n) s on tt.id=s.id when matched then update set n=s.n when not matched then insert (n) values (s.n)
select count(*) from vv where s > 1000000
alter table t2 add column extra varchar default 'x'
delete from t2 using (select 2 k) s where t2.O_ORDERKEY=s.k
select O_ORDERDATE::varchar, O_TOTALPRICE::varchar, O_TOTALPRICE::int, '12.345'::number(10,2), 1/3, 10::float/3, 7%3, round(2.5), trunc(2.567,1), div0(1,0), bitand(6,3), width_bucket(5,0,10,5) from ORDERS limit 1
select any_value(O_CLERK), min_by(O_ORDERKEY,O_TOTALPRICE), max_by(O_ORDERKEY,O_TOTALPRICE), count_if(O_ORDERSTATUS='F'), boolor_agg(O_ORDERSTATUS='F'), bitor_agg(O_SHIPPRIORITY), kurtosis(O_TOTALPRICE), corr(O_ORDERKEY,O_TOTALPRICE) from ORDERS
select * from ORDERS match_recognize (order by O_ORDERKEY measures match_number() as m one row per match pattern (a b) define b as O_TOTALPRICE > 400000) limit 1
set x = 5
select object_construct(*) from CUSTOMER limit 1
select to_json(object_construct('b',2,'a',1)), parse_json('1e400'), to_variant('x'), as_integer(parse_json('5')), xmlget(parse_xml('<a><b>1</b></a>'),'b')
select st_distance(st_makepoint(0,0), st_makepoint(1,1))
select * from table(result_scan(last_query_id()))
show databases
show warehouses
begin
rollback
comment on table t2 is 'x'
select O_ORDERKEY from ORDERS at(offset => -60) limit 1
