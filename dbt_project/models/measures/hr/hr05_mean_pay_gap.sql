-- Men's less women's average hourly pay, of men's, on 31 March. Each row brings its share of the average; a unit's
-- figure comes from its own rows (roll_up none): gaps are not added up.
select
    'HR05' as measure_id,
    unit_id,
    '' as area_id,
    snapshot_month as period_start,
    case when sex = 'male' then mean_share_gbp else -mean_share_gbp end as numerator,
    case when sex = 'male' then mean_share_gbp else 0 end as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_pay_gap_shares') }}
