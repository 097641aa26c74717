-- Spend on agency staff, of the whole pay bill: agency staff and employees.
select
    'HR03' as measure_id,
    unit_id,
    '' as area_id,
    posted_month as period_start,
    case when account_type = 'agency' then amount_gbp else 0 end as numerator,
    amount_gbp as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_ledger') }}
where account_type in ('agency', 'employee_pay')
