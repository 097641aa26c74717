-- The domains that an organisational health report puts side by side, in its order.
select
    domains.domain,
    domains.domain_name,
    domains.domain_order
from (
    values
    ('hr', 'People', 1),
    ('complaints', 'Complaints', 2),
    ('audit', 'Audit', 3),
    ('risk', 'Risk', 4),
    ('finance', 'Finance', 5),
    ('plan', 'Business plan', 6),
    ('services', 'Services', 7),
    ('open_data', 'Open data', 8)
) as domains (domain, domain_name, domain_order)
order by domains.domain_order
