-- The lines of every report: which measures of which units each reader gets, in which
-- section and order, and what there is to say about each of them. What a report is for stands in its exposure.
{% set focus_order = "case topics.topic_type when 'outcome' then 1 when 'domain' then 2 else 3 end" -%}
with measures_in_force as (
    select
        measures.measure_id,
        measures.measure_name,
        measures.measure_type,
        measures.outcome_id,
        outcomes.outcome_name,
        outcomes.display_order as outcome_order,
        measures.domain,
        domains.domain_name,
        domains.domain_order,
        measures.portfolio_id,
        coalesce(measures.is_standing, false) as is_standing,
        measures.owner,
        measures.numerator_label,
        measures.denominator_label,
        measures.value_unit,
        measures.decimal_places,
        measures.polarity,
        council.root_unit_id
    from {{ ref('dim_measures') }} as measures
    inner join {{ ref('dim_council') }} as council
        on
            measures.valid_from <= council.reporting_period_end
            and coalesce(measures.valid_to, council.reporting_period_start) >= council.reporting_period_start
    inner join {{ ref('dim_domains') }} as domains on domains.domain = measures.domain
    left join {{ ref('dim_outcomes') }} as outcomes on outcomes.outcome_id = measures.outcome_id
),

portfolios as (
    select
        portfolios.portfolio_id,
        portfolios.portfolio_name
    from {{ ref('dim_portfolios') }} as portfolios
    inner join {{ ref('dim_council') }} as council
        on
            portfolios.valid_from <= council.reporting_period_end
            and coalesce(portfolios.valid_to, council.reporting_period_end) >= council.reporting_period_end
),

-- What the management team has chosen to look into in the reporting period.
focus as (
    select
        focus.outcome_id,
        focus.domain,
        focus.unit_id,
        coalesce(outcomes.outcome_name, domains.domain_name, units.unit_name) as topic_name,
        row_number() over (order by focus.valid_from asc, focus.focus_id asc) as place
    from {{ ref('dim_focus') }} as focus
    inner join {{ ref('dim_council') }} as council
        on focus.valid_from <= council.reporting_period_end and focus.valid_to >= council.reporting_period_start
    left join {{ ref('dim_outcomes') }} as outcomes on outcomes.outcome_id = focus.outcome_id
    left join {{ ref('dim_domains') }} as domains on domains.domain = focus.domain
    left join {{ ref('dim_units') }} as units on units.unit_id = focus.unit_id
),

choices as (
    select count(*) as chosen
    from focus
),

measures_of_units as (
    select distinct
        measure_id,
        unit_id
    from {{ ref('current_figures') }}
),

-- Where nothing is chosen, the candidate of each kind that weighs most: the management team may choose.
topics as (
    select
        topics.topic_type,
        topics.topic_name,
        topics.measure_ids,
        row_number() over (order by {{ focus_order }} asc, topics.topic_type asc) as place,
        coalesce(units.unit_id, council.root_unit_id) as unit_id
    from {{ ref('focus_candidates') }} as topics
    cross join {{ ref('dim_council') }} as council
    cross join choices
    left join {{ ref('dim_units') }} as units
        on units.unit_id = topics.topic_id and units.unit_level = topics.topic_type
    where topics.topic_rank = 1 and choices.chosen = 0
),

partner_outcomes as (
    select distinct outcome_id
    from {{ ref('fct_partner_milestones') }}
),

-- Reports whose sections are outcomes, and the kinds of measures that they hold.
by_outcome as (
    select
        'cabinet' as report_id,
        'strategic' as measure_type

    union all

    select
        'public' as report_id,
        'strategic' as measure_type

    union all

    select
        'public' as report_id,
        'operational' as measure_type
),

-- Who gets what. `rank_in_section` puts a line before others where a report has an order of its own.
chosen as (
    select
        'leadership' as report_id,
        '' as recipient_id,
        '' as recipient_name,
        domain_order as section_order,
        domain_name as section_name,
        0 as rank_in_section,
        measure_id,
        root_unit_id as unit_id
    from measures_in_force

    union all

    select
        reports.report_id,
        '' as recipient_id,
        '' as recipient_name,
        coalesce(measures.outcome_order, 99) as section_order,
        coalesce(measures.outcome_name, 'No outcome') as section_name,
        0 as rank_in_section,
        measures.measure_id,
        measures.root_unit_id as unit_id
    from measures_in_force as measures
    inner join by_outcome as reports on reports.measure_type = measures.measure_type

    union all

    select
        'portfolio' as report_id,
        portfolios.portfolio_id as recipient_id,
        portfolios.portfolio_name as recipient_name,
        coalesce(measures.outcome_order, 99) as section_order,
        coalesce(measures.outcome_name, 'No outcome') as section_name,
        0 as rank_in_section,
        measures.measure_id,
        measures.root_unit_id as unit_id
    from measures_in_force as measures
    inner join portfolios on portfolios.portfolio_id = measures.portfolio_id

    union all

    -- A directorate's own figures, and those of the units right below it that are a concern that lasts.
    select
        'directorate' as report_id,
        directorates.unit_id as recipient_id,
        directorates.unit_name as recipient_name,
        measures.domain_order as section_order,
        measures.domain_name as section_name,
        case when parts.depth = 0 then 0 else 1 end as rank_in_section,
        figures.measure_id,
        figures.unit_id
    from {{ ref('dim_units') }} as directorates
    inner join {{ ref('bridge_unit_ancestors') }} as parts on parts.ancestor_unit_id = directorates.unit_id
    inner join {{ ref('current_figures') }} as figures on figures.unit_id = parts.unit_id
    inner join measures_in_force as measures on measures.measure_id = figures.measure_id
    where
        directorates.unit_level = 'directorate'
        and (parts.depth = 0 or (parts.depth = 1 and figures.is_lasting_concern))

    union all

    select
        'scrutiny' as report_id,
        '' as recipient_id,
        '' as recipient_name,
        case targets.verdict
            when 'unrealistic' then 1
            when 'too_soft' then 2
            when 'chance' then 3
            when 'stretching' then 4
            when 'insufficient_data' then 5
            else 6
        end as section_order,
        case targets.verdict
            when 'unrealistic' then 'Targets that are out of reach'
            when 'too_soft' then 'Targets that ask too little'
            when 'chance' then 'Targets met or missed by chance'
            when 'stretching' then 'Targets that stretch'
            when 'insufficient_data' then 'Targets that too few figures can judge'
            else 'Measures without a target'
        end as section_name,
        0 as rank_in_section,
        measures.measure_id,
        measures.root_unit_id as unit_id
    from measures_in_force as measures
    left join {{ ref('feed_targets') }} as targets
        on targets.measure_id = measures.measure_id and targets.unit_id = measures.root_unit_id
    where measures.measure_type = 'strategic' or targets.measure_id is not null

    union all

    select
        'bimonthly' as report_id,
        '' as recipient_id,
        '' as recipient_name,
        0 as section_order,
        'Standing measures' as section_name,
        0 as rank_in_section,
        measure_id,
        root_unit_id as unit_id
    from measures_in_force
    where is_standing

    union all

    select
        'bimonthly' as report_id,
        '' as recipient_id,
        '' as recipient_name,
        cast(focus.place as int) as section_order,
        'Focus: ' || coalesce(focus.topic_name, focus.domain, focus.outcome_id, focus.unit_id) as section_name,
        0 as rank_in_section,
        measures.measure_id,
        coalesce(focus.unit_id, measures.root_unit_id) as unit_id
    from focus
    cross join measures_in_force as measures
    left join measures_of_units as own
        on own.measure_id = measures.measure_id and own.unit_id = focus.unit_id
    where measures.outcome_id = focus.outcome_id or measures.domain = focus.domain or own.unit_id is not null

    union all

    select
        'bimonthly' as report_id,
        '' as recipient_id,
        '' as recipient_name,
        cast(topics.place as int) as section_order,
        'Possible focus: ' || topics.topic_name as section_name,
        0 as rank_in_section,
        measures.measure_id,
        topics.unit_id
    from topics
    inner join measures_in_force as measures
        on ', ' || topics.measure_ids || ',' like '%, ' || measures.measure_id || ',%'

    union all

    select
        'partners' as report_id,
        '' as recipient_id,
        '' as recipient_name,
        coalesce(measures.outcome_order, 99) as section_order,
        coalesce(measures.outcome_name, 'No outcome') as section_name,
        0 as rank_in_section,
        measures.measure_id,
        measures.root_unit_id as unit_id
    from measures_in_force as measures
    inner join partner_outcomes on partner_outcomes.outcome_id = measures.outcome_id
    where measures.measure_type = 'strategic'

    union all

    select
        'clinic' as report_id,
        coalesce(clinic.outcome_id, '') as recipient_id,
        coalesce(clinic.outcome_name, 'No outcome') as recipient_name,
        1 as section_order,
        'Measures that deserve a clinic' as section_name,
        cast(clinic.clinic_rank as int) as rank_in_section,
        clinic.measure_id,
        measures.root_unit_id as unit_id
    from {{ ref('clinic') }} as clinic
    inner join measures_in_force as measures on measures.measure_id = clinic.measure_id
),

-- What the owner of the figure wrote in the reporting period; where nobody did, the nearest unit below.
narratives as (
    select
        narratives.measure_id,
        above.ancestor_unit_id as unit_id,
        narratives.narrative
        || case when narratives.next_steps is null then '' else ' Next: ' || narratives.next_steps end as narrative,
        narratives.author,
        narratives.written_date,
        row_number() over (
            partition by narratives.measure_id, above.ancestor_unit_id order by above.depth, narratives.unit_id
        ) as place
    from {{ ref('fct_narratives') }} as narratives
    inner join {{ ref('dim_council') }} as council on council.reporting_period_start = narratives.quarter_start
    inner join {{ ref('bridge_unit_ancestors') }} as above on above.unit_id = narratives.unit_id
),

neighbours as (
    select
        benchmark.measure_id,
        'The median of ' || cast(benchmark.neighbours as string) || ' neighbours was '
        || {{ value_text('benchmark.median_value', 'measures.value_unit', 'measures.decimal_places') }}
        || ' in ' || benchmark.period_label || ', the council’s own figure '
        || {{ value_text('benchmark.value', 'measures.value_unit', 'measures.decimal_places') }}
        || case
            when benchmark.percentile is null then ''
            else ': better than ' || {{ number_text('benchmark.percentile', 0) }} || '% of them'
        end || '.' as sentence,
        row_number() over (partition by benchmark.measure_id order by benchmark.neighbour_set) as place
    from {{ ref('benchmark') }} as benchmark
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = benchmark.measure_id
    where benchmark.is_newest
),

grades as (
    select
        quality.measure_id,
        {%- for criterion in ['relevant', 'well_defined', 'timely', 'reliable', 'verifiable', 'accurate'] %}
        max(case when quality.criterion = '{{ criterion }}' then quality.grade end)
        {%- if not loop.last %} || ' ' ||{% endif %}
        {%- endfor %} as quality_grades
    from {{ ref('data_quality') }} as quality
    inner join {{ ref('dim_council') }} as council on council.reporting_period_start = quality.period_start
    group by quality.measure_id
),

restated as (
    select distinct
        measure_id,
        unit_id,
        period_type,
        period_start
    from {{ ref('restatements') }}
    where area_id = '' and basis = 'reported'
),

measure_lines as (
    select
        chosen.report_id,
        chosen.recipient_id,
        chosen.recipient_name,
        chosen.section_order,
        chosen.section_name,
        chosen.rank_in_section,
        case figures.state
            when 'concern' then 1
            when 'off_target' then 2
            when 'improvement' then 3
            when 'usual' then 4
            else 5
        end as state_order,
        case when measures.measure_type = 'strategic' then 0 else 1 end as type_order,
        measures.measure_id,
        measures.measure_name,
        units.unit_id,
        units.unit_name,
        measures.owner,
        measures.outcome_name,
        measures.domain_name,
        coalesce(figures.period_label, quarters.period_label) as period_label,
        coalesce(figures.period_start, quarters.period_start) as period_start,
        coalesce(figures.period_end, quarters.period_end) as period_end,
        figures.numerator,
        figures.denominator,
        measures.numerator_label,
        measures.denominator_label,
        figures.value,
        measures.value_unit,
        measures.decimal_places,
        measures.polarity,
        before.previous_value,
        year_before.value as year_ago_value,
        figures.target,
        coalesce(figures.status, 'no_target') as status,
        figures.point_type as variation,
        figures.signal_since,
        coalesce(figures.sentence, measures.measure_name || ': no figure for the reporting period.') as sentence,
        targets.verdict as target_verdict,
        targets.evidence as target_evidence,
        neighbours.sentence as comparator_sentence,
        narratives.narrative,
        narratives.author as narrative_by,
        narratives.written_date as narrative_date,
        clinic.reasons,
        clinic.next_question,
        coalesce(figures.is_provisional, false) as is_provisional,
        coalesce(stored.is_small_denominator, false) as is_small_denominator,
        restated.measure_id is not null as is_restated,
        grades.quality_grades,
        chosen.report_id = 'clinic'
        or (
            chosen.rank_in_section = 0
            and (
                coalesce(figures.state in ('concern', 'improvement'), false)
                or (chosen.report_id = 'scrutiny' and coalesce(targets.verdict in ('unrealistic', 'too_soft'), false))
            )
        ) as needs_words
    from chosen
    inner join measures_in_force as measures on measures.measure_id = chosen.measure_id
    inner join {{ ref('dim_units') }} as units on units.unit_id = chosen.unit_id
    cross join {{ ref('dim_council') }} as council
    left join {{ ref('dim_periods') }} as quarters
        on quarters.period_type = 'quarter' and quarters.period_start = council.reporting_period_start
    left join {{ ref('current_figures') }} as figures
        on figures.measure_id = chosen.measure_id and figures.unit_id = chosen.unit_id
    left join {{ ref('feed_measure_status') }} as before
        on
            before.measure_id = figures.measure_id
            and before.unit_id = figures.unit_id
            and before.area_id = ''
            and before.period_type = figures.period_type
            and before.period_start = figures.period_start
    left join {{ ref('feed_measure_status') }} as year_before
        on
            year_before.measure_id = figures.measure_id
            and year_before.unit_id = figures.unit_id
            and year_before.area_id = ''
            and year_before.period_type = figures.period_type
            and year_before.period_start = {{ months_after('figures.period_start', -12) }}
    left join {{ ref('measure_values') }} as stored
        on
            stored.measure_id = figures.measure_id
            and stored.unit_id = figures.unit_id
            and stored.area_id = ''
            and stored.basis = 'reported'
            and stored.period_type = figures.period_type
            and stored.period_start = figures.period_start
    left join restated
        on
            restated.measure_id = figures.measure_id
            and restated.unit_id = figures.unit_id
            and restated.period_type = figures.period_type
            and restated.period_start = figures.period_start
    left join {{ ref('feed_targets') }} as targets
        on targets.measure_id = chosen.measure_id and targets.unit_id = chosen.unit_id
    left join neighbours
        on
            neighbours.measure_id = chosen.measure_id
            and neighbours.place = 1
            and chosen.unit_id = council.root_unit_id
    left join narratives
        on
            narratives.measure_id = chosen.measure_id
            and narratives.unit_id = chosen.unit_id
            and narratives.place = 1
    left join {{ ref('clinic') }} as clinic
        on clinic.measure_id = chosen.measure_id and chosen.unit_id = council.root_unit_id
    left join grades on grades.measure_id = chosen.measure_id
),

-- What partners do for an outcome, as reported for the reporting period: lines of words, without a figure.
milestone_lines as (
    select
        'partners' as report_id,
        coalesce(outcomes.display_order, 99) as section_order,
        coalesce(outcomes.outcome_name, 'No outcome') as section_name,
        milestones.milestone_id,
        milestones.title,
        milestones.partner,
        outcomes.outcome_name,
        quarters.period_label,
        quarters.period_start,
        quarters.period_end,
        case
            when milestones.is_met_in_time then 'met_in_time'
            when milestones.completed_date is not null then 'met_late'
            when not milestones.is_met_in_time then 'overdue'
            else 'not_due'
        end as status,
        milestones.due_date,
        milestones.title || case
            when milestones.is_met_in_time then ': met in time, in ' || {{ month_text('milestones.completed_date') }}
            when milestones.completed_date is not null
                then ': met late, in ' || {{ month_text('milestones.completed_date') }}
            when not milestones.is_met_in_time then ': not met by its date'
            when milestones.status = 'stopped' then ': stopped'
            when milestones.status in ('at_risk', 'off_track') then ': at risk or off track, so its partner says'
            else ': not due yet'
        end || '; due ' || {{ month_text('milestones.due_date') }} || ' (' || milestones.partner || ').' as sentence
    from {{ ref('fct_partner_milestones') }} as milestones
    inner join {{ ref('dim_council') }} as council on council.reporting_period_start = milestones.quarter_start
    inner join {{ ref('dim_periods') }} as quarters
        on quarters.period_type = 'quarter' and quarters.period_start = council.reporting_period_start
    left join {{ ref('dim_outcomes') }} as outcomes on outcomes.outcome_id = milestones.outcome_id
),

lines as (
    select
        *,
        '' as milestone_id,
        cast(null as date) as due_date
    from measure_lines

    union all

    select
        report_id,
        '' as recipient_id,
        '' as recipient_name,
        section_order,
        section_name,
        -1 as rank_in_section,
        0 as state_order,
        0 as type_order,
        '' as measure_id,
        title as measure_name,
        '' as unit_id,
        '' as unit_name,
        partner as owner,
        outcome_name,
        '' as domain_name,
        period_label,
        period_start,
        period_end,
        cast(null as decimal(18, 4)) as numerator,
        cast(null as decimal(18, 4)) as denominator,
        '' as numerator_label,
        cast(null as string) as denominator_label,
        cast(null as decimal(18, 4)) as value,
        '' as value_unit,
        0 as decimal_places,
        'context' as polarity,
        cast(null as decimal(18, 4)) as previous_value,
        cast(null as decimal(18, 4)) as year_ago_value,
        cast(null as decimal(18, 4)) as target,
        status,
        cast(null as string) as variation,
        cast(null as date) as signal_since,
        sentence,
        cast(null as string) as target_verdict,
        cast(null as string) as target_evidence,
        cast(null as string) as comparator_sentence,
        cast(null as string) as narrative,
        cast(null as string) as narrative_by,
        cast(null as date) as narrative_date,
        cast(null as string) as reasons,
        cast(null as string) as next_question,
        false as is_provisional,
        false as is_small_denominator,
        false as is_restated,
        cast(null as string) as quality_grades,
        false as needs_words,
        milestone_id,
        due_date
    from milestone_lines
)

select
    council.council_label as council,
    lines.report_id,
    lines.recipient_id,
    lines.recipient_name,
    lines.section_order,
    lines.section_name,
    row_number() over (
        partition by lines.report_id, lines.recipient_id, lines.section_order
        order by
            lines.rank_in_section,
            lines.due_date,
            lines.state_order,
            lines.type_order,
            lines.measure_id,
            lines.unit_id,
            lines.milestone_id
    ) as line_order,
    lines.measure_id,
    lines.measure_name,
    lines.unit_id,
    lines.unit_name,
    lines.owner,
    lines.outcome_name,
    lines.domain_name,
    lines.period_label,
    lines.period_start,
    lines.period_end,
    lines.numerator,
    lines.denominator,
    lines.numerator_label,
    lines.denominator_label,
    lines.value,
    lines.value_unit,
    lines.decimal_places,
    lines.polarity,
    lines.previous_value,
    lines.year_ago_value,
    lines.target,
    lines.status,
    lines.variation,
    lines.signal_since,
    lines.sentence,
    lines.target_verdict,
    lines.target_evidence,
    lines.comparator_sentence,
    lines.narrative,
    lines.narrative_by,
    lines.narrative_date,
    lines.reasons,
    lines.next_question,
    lines.is_provisional,
    lines.is_small_denominator,
    lines.is_restated,
    lines.quality_grades,
    lines.needs_words
from lines
cross join {{ ref('dim_council') }} as council
order by lines.report_id, lines.recipient_id, lines.section_order, line_order
