-- Men's less women's median hourly pay, of men's, on 31 March. Each row brings its share of the median; a unit's figure
-- comes from its own rows (roll_up none): gaps are not added up.
select
    'HR05M' as measure_id,
    unit_id,
    '' as area_id,
    snapshot_month as period_start,
    case when sex = 'male' then median_share_gbp else -median_share_gbp end as numerator,
    case when sex = 'male' then median_share_gbp else 0 end as denominator,
    false as is_provisional,
    extract_id,
    source_row
from {{ ref('fct_pay_gap_shares') }}
where median_share_gbp <> 0
