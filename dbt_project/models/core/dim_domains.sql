-- The domains that an organisational health report puts side by side, in its order.
{% set domains = [
    ('hr', 'People'), ('complaints', 'Complaints'), ('audit', 'Audit'), ('risk', 'Risk'), ('finance', 'Finance'),
    ('plan', 'Business plan'), ('services', 'Services'), ('open_data', 'Open data'),
] %}
{% for domain, name in domains -%}
{% if not loop.first %}union all
{% endif -%}
select
    '{{ domain }}' as domain,
    '{{ name }}' as domain_name,
    {{ loop.index }} as domain_order
{% endfor -%}
