-- Full-pay relevant employees at a snapshot: whoever is on full pay and whose sex is recorded. A gap is no sum of gaps,
-- so each row belongs to the council or to a directorate, and says what it brings to the average and to the median of
-- its sex there: its pay over the number of people, and its pay where it lies in the middle (half of it where two do).
-- Where there are few of one sex a gap would be about persons: there is none.
-- Equality Act 2010 (Specific Duties and Public Authorities) Regulations 2017, schedule 1.
with relevant as (
    select
        coalesce(units.unit_id, 'unassigned') as unit_id,
        pay.snapshot_date,
        pay.sex,
        pay.hourly_pay_gbp,
        pay.extract_id,
        pay.source_row
    from {{ ref('stg_hr__pay') }} as pay
    inner join {{ ref('dim_council') }} as council on pay.snapshot_date <= council.reporting_period_end
    left join {{ ref('dim_units') }} as units on units.unit_id = pay.unit_code
    where pay.is_full_pay and pay.sex is not null
),

placed as (
    select
        ancestors.ancestor_unit_id as unit_id,
        relevant.snapshot_date,
        relevant.sex,
        relevant.hourly_pay_gbp,
        relevant.extract_id,
        relevant.source_row,
        count(*) over (partition by ancestors.ancestor_unit_id, relevant.snapshot_date, relevant.sex) as people,
        row_number() over (
            partition by ancestors.ancestor_unit_id, relevant.snapshot_date, relevant.sex
            order by relevant.hourly_pay_gbp, relevant.extract_id, relevant.source_row
        ) as place,
        sum(case when relevant.sex = 'male' then 1 else 0 end)
            over (partition by ancestors.ancestor_unit_id, relevant.snapshot_date) as men,
        sum(case when relevant.sex = 'female' then 1 else 0 end)
            over (partition by ancestors.ancestor_unit_id, relevant.snapshot_date) as women
    from relevant
    inner join {{ ref('bridge_unit_ancestors') }} as ancestors on ancestors.unit_id = relevant.unit_id
    inner join {{ ref('dim_units') }} as units
        on units.unit_id = ancestors.ancestor_unit_id and units.unit_level in ('council', 'directorate')
)

select
    unit_id,
    snapshot_date,
    {{ month_start('snapshot_date') }} as snapshot_month,
    sex,
    cast(hourly_pay_gbp / people as decimal(18, 8)) as mean_share_gbp,
    cast(
        case
            when 2 * place = people + 1 then hourly_pay_gbp
            when 2 * place in (people, people + 2) then hourly_pay_gbp / 2
            else 0
        end as decimal(18, 8)
    ) as median_share_gbp,
    extract_id,
    source_row
from placed
where least(men, women) >= {{ var('pay_gap_fewest_of_a_sex') }}
order by snapshot_date, unit_id, extract_id, source_row
