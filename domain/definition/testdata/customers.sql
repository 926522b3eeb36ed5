-- one row for each customer; of all shops
select * from shop.public.customers
