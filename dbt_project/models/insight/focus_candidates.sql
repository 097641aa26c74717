-- What a management team could make the focus of its next report: outcomes and domains by the weight of their measures
-- that deserve a clinic, units by the domains in which they have lasting concerns at once (two or more).
with clinics as (
    select
        *,
        row_number() over (partition by outcome_id order by weight desc, measure_id asc) as outcome_place,
        row_number() over (partition by domain order by weight desc, measure_id asc) as domain_place
    from {{ ref('clinic') }}
),

newest_composites as (
    select composite.*
    from {{ ref('composite') }} as composite
    inner join {{ ref('dim_council') }} as council on council.reporting_period_start = composite.period_start
),

outcomes as (
    select
        outcome_id,
        max(outcome_name) as outcome_name,
        sum(weight) as strength,
        count(*) as measures,
        {{ listed('measure_id', 'outcome_place', 6) }} as measure_ids
    from clinics
    group by outcome_id
),

domains as (
    select
        domain,
        sum(weight) as strength,
        count(*) as measures,
        {{ listed('measure_id', 'domain_place', 6) }} as measure_ids
    from clinics
    group by domain
),

-- The smallest units that have a hot spot are the ones that somebody can work with; services, where there are any.
services as (
    select
        domain,
        count(*) as services,
        count(case when lasting_concerns > 0 then 1 end) as services_in_concern
    from {{ ref('hotspots') }}
    where unit_level = 'service' and state <> 'no_data'
    group by domain
),

concerned as (
    select
        *,
        row_number() over (partition by unit_id order by lasting_concerns desc, domain_order asc) as place
    from {{ ref('hotspots') }}
    where lasting_concerns > 0 and domains_in_lasting_concern >= 2
),

units as (
    select
        unit_id,
        max(unit_name) as unit_name,
        max(unit_level) as unit_level,
        sum(lasting_concerns) as measures,
        count(*) as strength,
        {{ listed('measure_ids', 'place', 6) }} as measure_ids,
        {{ listed('lower(domain_name)', 'place', 6) }} as domain_names
    from concerned
    group by unit_id
),

topics as (
    select
        'outcome' as topic_type,
        coalesce(outcomes.outcome_id, '') as topic_id,
        coalesce(outcomes.outcome_name, 'No outcome') as topic_name,
        outcomes.strength,
        outcomes.measures,
        outcomes.measure_ids,
        cast(outcomes.measures as string)
        || case when outcomes.measures = 1 then ' measure deserves a clinic' else ' measures deserve a clinic' end
        || case
            when composites.weakest_measure_id is null then ''
            else
                '; the weakest of its measures is ' || composites.weakest_measure_id || ' at '
                || {{ number_text('composites.weakest_score', 0) }} || ' of 100'
        end || '.' as reason
    from outcomes
    left join newest_composites as composites on composites.outcome_id = outcomes.outcome_id

    union all

    select
        'domain' as topic_type,
        domains.domain as topic_id,
        named.domain_name as topic_name,
        domains.strength,
        domains.measures,
        domains.measure_ids,
        cast(domains.measures as string)
        || case when domains.measures = 1 then ' measure deserves a clinic' else ' measures deserve a clinic' end
        || case
            when services.services is null then ''
            else
                '; ' || cast(services.services_in_concern as string) || ' of ' || cast(services.services as string)
                || ' services have a concern that lasts'
        end || '.' as reason
    from domains
    inner join {{ ref('dim_domains') }} as named on named.domain = domains.domain
    left join services on services.domain = domains.domain

    union all

    select
        unit_level as topic_type,
        unit_id as topic_id,
        unit_name as topic_name,
        strength,
        measures,
        measure_ids,
        'Concerns that last in ' || cast(strength as string) || ' domains at once: ' || domain_names || '.' as reason
    from units
),

ranked as (
    select
        *,
        row_number() over (
            partition by topic_type order by strength desc, measures desc, topic_id asc
        ) as topic_rank
    from topics
)

select
    topic_type,
    topic_id,
    topic_name,
    topic_rank,
    cast(strength as bigint) as strength,
    cast(measures as bigint) as measures,
    measure_ids,
    reason
from ranked
where topic_rank <= 5
order by topic_type, topic_rank
