{#- The list of all measure models: a new measure's file is added here. -#}
{% macro union_of_measures() %}
    {%- set models = [
        'as04_care_requests_per_resident',
        'as05_cost_per_client_week',
        'bp01_activities_on_track',
        'bp02_milestones_met_in_time',
        'bp03_partner_milestones_met_in_time',
        'co01_stage_1_acknowledged_in_time',
        'co02_stage_1_answered_in_time',
        'co03_stage_2_answered_in_time',
        'co04_complaints_upheld',
        'co05_complaints_per_resident',
        'co06_ombudsman_upheld',
        'co07_complaints_received',
        'co08_ombudsman_remedies_in_time',
        'ed01_attainment_8',
        'ed02_grade_5_english_maths',
        'em01_emissions_per_head',
        'em02_emissions',
        'fi01_forecast_variance',
        'fi02_savings_delivered',
        'fi03_council_tax_collected',
        'fi04_business_rates_collected',
        'fi05_invoices_paid_in_time',
        'fi06_net_cost_per_resident',
        'fi06r_net_cost_per_resident_real',
        'ho01_homelessness_prevented_or_relieved',
        'ho02_children_in_temporary_accommodation',
        'ho03_families_in_bed_and_breakfast',
        'hr01_sickness',
        'hr02_turnover',
        'hr03_agency_spend',
        'hr04_vacancies',
        'hr05_mean_pay_gap',
        'hr05m_median_pay_gap',
        'ia01_actions_implemented_in_time',
        'ia01h_high_priority_actions_in_time',
        'ia02_opinions_limited_or_worse',
        'ia03_audit_plan_delivered',
        'published_indicators',
        'returned_values',
        'rk01_risks_out_of_tolerance',
        'rk02_gap_to_tolerance',
        'rk03_deteriorating_risks',
        'sp01_supplier_spend',
        'sp02_card_spend',
        'sr01_service_requests',
        'sr02_failure_demand',
        'sr03_working_days_to_complete',
        'survey_indicators',
        'wa01_household_recycling',
        'wa02_residual_waste_per_household',
    ] -%}
    {%- for model in models %}
    {%- if not loop.first %}

    union all
    {% endif %}
    select
        measure_id,
        unit_id,
        area_id,
        period_start,
        cast(numerator as decimal(18, 8)) as numerator,
        cast(denominator as decimal(18, 8)) as denominator,
        is_provisional,
        extract_id,
        source_row
    from {{ ref(model) }}
    {%- endfor %}
{%- endmacro %}
